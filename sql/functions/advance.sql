-- Asks the gate, and moves the task accordingly. Answers what came of it: pass, reject, wait or unproven, with the gate's reason.
create or replace function orch.advance(
    task_id bigint, evidence jsonb, actor text, event_id bigint default null, run_id bigint default null,
    out decision text, out reason text)
language plpgsql as $$
declare
    task  orch.tasks;
    proof jsonb;
begin
    select * into task from orch.tasks as t where t.id = advance.task_id for no key update;
    select g.decision, g.reason, g.proof into decision, reason, proof from orch.check_gate(task.id, evidence) as g;
    if decision = 'pass' and task.stage = 'deploy' then
        update orch.deploys as d set phase = 'B', initiated_at = now() where d.task_id = task.id and d.phase = 'A';
        perform orch.add_effect(task.id, 'pull_merge', jsonb_build_object('number', task.pull_number, 'head', task.head_sha, 'proof', proof));
    elsif decision = 'pass' then
        perform orch.move_on(task.id, proof ->> 'gate', actor, event_id, run_id, proof);
    elsif decision = 'reject' then
        perform orch.send_back(task.id, reason, 'gate_rejected', actor, event_id, run_id, proof);
    elsif decision = 'wait' and task.stage = 'analysis' and task.brd_review_started_at is null then
        update orch.tasks as t set brd_review_started_at = now(), brd_review_ended_at = null where t.id = task.id;
        if orch.heed_labels(task.id) is null then
            perform orch.add_effect(task.id, 'board_comment', jsonb_build_object('text',
                orch.say('analysis.ready', task.branch)));
        end if;
    end if;
end
$$;
comment on function orch.advance(bigint, jsonb, text, bigint, bigint) is 'Evaluates the gate of the task''s stage and does what it decides, in this transaction.';
