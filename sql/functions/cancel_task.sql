-- Everything that STOP means for the rows, in the caller's transaction. The physical part follows from them.
create or replace function orch.cancel_task(
    task_id bigint, event_id bigint default null,
    asked_at timestamptz default clock_timestamp())  -- a STOP that was deferred counts from when it is applied
returns int language plpgsql as $$
declare
    task orch.tasks;
    jobs int;
begin
    select * into task from orch.tasks as t where t.id = cancel_task.task_id for no key update;
    jobs := orch.cancel_jobs(task.id, format('STOP by %s through %s', task.cancel_actor, task.cancel_via), array['queued', 'running'],
                             asked_at);
    update orch.tasks as t set brd_review_ended_at = now()
     where t.id = task.id and t.brd_review_started_at is not null and t.brd_review_ended_at is null;
    perform orch.finish_deploy(task.id, 'CANCELLED', 'STOP');
    -- What is under way is left to end: the clean-up that follows in the same lane undoes it.
    update orch.outbox as o set status = 'skipped', ended_at = now(), last_error = 'the task was stopped'
     where o.task_id = task.id and o.status = 'pending' and o.token is null
       and (orch.moves_task(o.kind) or o.kind in ('board_status', 'card'));
    perform orch.enter_stage(task.id, 'cancelled', 'stop', task.cancel_actor, event_id, null,
                             jsonb_build_object('via', task.cancel_via, 'reason', task.cancel_reason, 'jobs_cancelled', jobs));
    perform orch.add_effect(task.id, 'alert', jsonb_build_object('text',
        orch.say('stopped.alert', task.work_item, task.cancel_actor, task.cancel_via, task.cancel_reason)));
    perform orch.add_effect(task.id, 'board_comment', jsonb_build_object('text',
        orch.say('stopped.comment', task.cancel_actor, task.branch)));
    perform orch.add_clean_up(task.id);
    return jobs;
end
$$;
comment on function orch.cancel_task(bigint, bigint, timestamptz) is 'Makes a task cancelled: jobs, keys, lease, deploy, clock, and the effects that clean up. Only orch.stop_task() and orch.apply_cancel() call it.';
