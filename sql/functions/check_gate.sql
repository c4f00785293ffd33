-- pass moves on, reject sends back, wait waits for somebody else, unproven means that the agent did not leave the evidence it owes.
create or replace function orch.check_gate(task_id bigint, evidence jsonb, out decision text, out reason text, out proof jsonb)
language plpgsql stable as $$
declare
    task orch.tasks;
    name text;
    file text;
    field text;
    good text;
    bad  text;
    said text;
    is_old boolean;
    is_hook boolean;
begin
    select * into task from orch.tasks as t where t.id = check_gate.task_id;
    select s.gate into name from orch.stages as s where s.stage = task.stage;
    is_hook := name = 'check_deploy_status' and evidence ? 'hook';
    case
        when is_hook then -- No file is owed: the exit status was read from what the hook left.
            said := evidence #>> '{hook,exit_status}';
            proof := jsonb_build_object('hook', evidence -> 'hook');
            decision := case when said = '0' then 'pass' else 'unproven' end;
            reason := format('the deploy hook ended with exit status %s', coalesce(said, 'unknown'));
        when name = 'check_analysis_approved' then
            decision := 'wait';
            reason := 'a person has to approve the analysis';
        when name = 'check_architecture_done' then
            proof := jsonb_build_object('06-adr/', evidence -> '06-adr/');
            decision := case when coalesce((evidence #>> '{06-adr/,count}')::int, 0) > 0 then 'pass' else 'unproven' end;
            reason := case decision when 'pass' then '06-adr/ holds a decision record' else '06-adr/ holds no decision record' end;
        when name = 'check_ci_green' then
            select c.state, c.contexts into said, proof from orch.ci_state(task.repo, task.head_sha) as c;
            proof := jsonb_build_object('sha', task.head_sha, 'contexts', proof);
            decision := case said when 'success' then 'pass' when 'failure' then 'reject' else 'wait' end;
            reason := format('CI of %s is %s', left(task.head_sha, 10), said);
        else
            select v.file, v.field, v.good, v.bad into strict file, field, good, bad
              from (values ('check_review_approved', '12-review.md', 'verdict', 'APPROVED', 'CHANGES_REQUESTED'),
                           ('check_tests_passed', '13-test-report.md', 'result', 'PASS', 'FAIL'),
                           ('check_staging_status', '15-staging-log.md', 'staging_status', 'SUCCESS', 'FAILED'),
                           ('check_deploy_status', '14-deploy-log.md', 'deploy_status', 'SUCCESS', 'FAILED'))
                   as v (gate, file, field, good, bad)
             where v.gate = name;
            proof := jsonb_build_object(file, evidence -> file);
            said := evidence -> file ->> field;
            -- The same bytes as when the stage began are the verdict of an earlier round, whoever left them there.
            is_old := coalesce(task.stage_files ->> file = evidence -> file ->> 'blob', task.stage_files is null and evidence ? file);
            decision := case when is_old then 'unproven' when said = good then 'pass' when said = bad then 'reject' else 'unproven' end;
            reason := case
                when decision <> 'unproven' then format('%s says %s: %s', file, field, said)
                when evidence -> file is null then format('%s is missing', file)
                when task.stage_files is null
                    then format('%s may be of an earlier round, which nobody recorded: Rejected sends the task back', file)
                when is_old then format('%s is from before this round: write it anew, with the commit that it judges', file)
                when evidence -> file ? 'error' then format('%s cannot be read: %s', file, evidence -> file ->> 'error')
                when said is null then format('%s has no %s', file, field)
                else format('%s has %s: "%s"; accepted are %s and %s', file, field, left(said, 40), good, bad) end;
    end case;
    proof := jsonb_build_object('gate', name, 'decision', decision, 'reason', reason, 'evidence', proof);
end
$$;
comment on function orch.check_gate(bigint, jsonb) is 'Decision of the gate of the task''s stage on this evidence: pass, reject, wait or unproven, with the reason. Changes nothing.';
