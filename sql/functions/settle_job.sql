create or replace function orch.settle_job(job orch.jobs, run_id bigint, outcome text, detail jsonb)
returns text language plpgsql as $$
declare
    problem text := left(coalesce(detail ->> 'error', detail ->> 'message', outcome), 2000);
    gate    record;
begin
    if job.stage = 'deploy' then -- A start that could not be told in time has opened the critical window all the same.
        perform orch.initiate_deploy(r.task_id, r.started_at) from orch.agent_runs as r where r.id = settle_job.run_id and r.started_at is not null;
    end if;
    if job.stage = 'deploy' and outcome <> 'ok'
       and exists (select from orch.deploys as d where d.task_id = job.task_id and d.phase = 'B') then
        return orch.fail_job(job, run_id, problem, detail ->> 'log'); -- A deploy that broke half-way is never simply run again.
    elsif outcome = 'released' then
        return orch.requeue_job(job.id, coalesce(detail ->> 'error', 'the node was shut down'), interval '0', false);
    elsif outcome = 'transient' and job.transients < orch.setting('max_transient')::int then
        update orch.jobs as j set transients = j.transients + 1 where j.id = job.id;
        return orch.requeue_job(job.id, problem, orch.transient_wait(job, detail), false);
    elsif outcome <> 'ok' then
        return orch.fail_job(job, run_id, problem, detail ->> 'log');
    elsif job.task_id is null then
        perform orch.end_job(job.id, 'done', null);
        return 'done';
    end if;
    update orch.tasks as t
       set head_sha = coalesce(nullif(detail ->> 'head', ''), t.head_sha),
           files = case when detail -> 'evidence' ? 'hook' then t.files else coalesce(orch.file_blobs(detail -> 'evidence'), t.files) end,
           evidence = coalesce(nullif(detail -> 'evidence', 'null'), t.evidence)
     where t.id = job.task_id;
    if detail ->> 'result_outcome' in ('needs_input', 'blocked') then
        perform orch.end_job(job.id, 'done', null);
        perform orch.finish_deploy(job.task_id, 'FAILED', problem);
        perform orch.block_task(job.task_id, detail ->> 'result_outcome', coalesce(detail ->> 'message', orch.say_in('en', 'no.reason')),
                                coalesce(detail ->> 'message', orch.say('no.reason')));
        return detail ->> 'result_outcome';
    end if;
    if job.stage in ('development', 'review', 'testing', 'deploy-staging', 'deploy') then
        perform orch.want_pull(job.task_id);
    end if;
    select g.decision, g.reason into gate from orch.check_gate(job.task_id, detail -> 'evidence') as g;
    if gate.decision = 'unproven' then
        update orch.jobs as j set content = j.content || E'\n\nThe last attempt did not count: ' || gate.reason where j.id = job.id;
        return orch.fail_job(job, run_id, gate.reason);
    end if;
    -- The job ends before the gate moves the task: a stage has one active job, and a critical window looks at running ones.
    perform orch.end_job(job.id, 'done', null);
    if orch.apply_cancel(job.task_id) then
        return 'the STOP that waited was applied';
    end if;
    perform orch.advance(job.task_id, detail -> 'evidence', job.agent, null, run_id);
    return gate.reason;
end
$$;
comment on function orch.settle_job(orch.jobs, bigint, text, jsonb) is 'What the end of a run means for its running job and task. Answers it in words.';
