create or replace function orch.send_back(
    task_id bigint, reason text, cause text, actor text, event_id bigint default null, run_id bigint default null, evidence jsonb default null)
returns void language plpgsql as $$
declare
    task    orch.tasks;
    target  text;
    returns int;
begin
    select * into task from orch.tasks as t where t.id = send_back.task_id for no key update;
    select s.on_reject into target from orch.stages as s where s.stage = task.stage;
    if orch.is_terminal(task.stage) or target is null then
        return;
    end if;
    perform orch.finish_deploy(task.id, 'FAILED', reason);
    if orch.apply_cancel(task.id) then
        return;
    end if;
    returns := orch.returns_to(task.id, target);
    perform orch.enter_stage(task.id, target, cause, actor, event_id, run_id,
                             coalesce(evidence, '{}') || jsonb_build_object('reason', reason));
    if target = 'analysis' then
        update orch.tasks as t set brd_review_started_at = null, brd_review_ended_at = null where t.id = task.id;
    end if;
    if returns >= orch.setting('max_stage_returns')::int then
        perform orch.block_task_because(task.id, 'returned', target, (returns + 1)::text, reason);
        return;
    end if;
    perform orch.queue_stage_job(task.id, format('Sent back from %s: %s', task.stage, reason)
                                          || coalesce(E'\n\nThe end of its log:\n' || (evidence ->> 'log'), ''));
end
$$;
comment on function orch.send_back(bigint, text, text, text, bigint, bigint, jsonb) is
    'Sends a task back as its stage''s on_reject says, with the reason in the next job''s content; after too many returns it is blocked instead.';
