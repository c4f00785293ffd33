-- Four doors, one function. The task's row lock makes STOPs from two doors wait for each other, so exactly one of them acts.
create or replace function orch.stop_task(
    ref text, reason text default null, via text default 'psql', actor text default session_user, event_id bigint default null,
    heard_at timestamptz default statement_timestamp())
returns table (result text, task_id bigint, work_item text, message text) language plpgsql as $$
declare
    task orch.tasks;
    jobs int;
begin
    select * into task from orch.tasks as t where t.id = orch.find_task(ref) for no key update;
    task_id := task.id;
    work_item := orch.original_key(task.work_item);
    if task.id is null then
        result := 'not_found';
        message := format('task "%s" does not exist; accepted is a work item such as ORCH-042 or a task''s number', ref);
    elsif task.stage = 'cancelled' then
        result := 'already_cancelled';
        message := format('%s was stopped at %s; nothing changed', work_item, orch.clock_text(task.cancelled_at));
    elsif task.stage = 'done' then
        result := 'already_done';
        message := format('too late: %s is done', work_item);
    elsif not orch.setting('stop_status_enabled')::boolean then
        result := 'disabled';
        message := 'STOP is switched off: setting stop_status_enabled (select orch.set_setting(''stop_status_enabled'', ''on''))';
    elsif not orch.repo_in_scope(task.repo, orch.setting('stop_status_repos')) then
        result := 'disabled';
        message := format('STOP is not in force for %s: setting stop_status_repos is "%s"', task.repo, orch.setting('stop_status_repos'));
    elsif task.cancel_requested_at is not null then
        result := 'already_pending';
        message := format('a STOP of %s waits since %s for its deploy to end', work_item,
                          orch.clock_text(task.cancel_requested_at));
    else
        update orch.tasks as t
           set cancel_reason = coalesce(stop_task.reason, 'STOP'), cancel_via = stop_task.via, cancel_actor = stop_task.actor,
               cancel_heard_at = stop_task.heard_at
         where t.id = task.id;
        if orch.stays_critical(task.id) then
            update orch.tasks as t set cancel_requested_at = clock_timestamp() where t.id = task.id;
            jobs := orch.cancel_jobs(task.id, format('STOP by %s through %s', actor, via), array['queued']);
            perform orch.add_effect(task.id, 'alert', jsonb_build_object('text',
                orch.say('stop.deferred', work_item, actor)));
            perform orch.add_card(task.id);
            result := 'deferred';
            message := format('a deploy of %s is under way; it is cancelled as soon as that has ended. Queued jobs cancelled: %s',
                              work_item, jobs);
        else
            jobs := orch.cancel_task(task.id, event_id, heard_at);
            result := 'cancelled';
            message := format('%s is cancelled; jobs cancelled: %s, runs being stopped: %s', work_item, jobs,
                (select count(*) from orch.agent_runs as r where r.task_id = task.id and r.ended_at is null));
        end if;
    end if;
    return next;
end
$$;
comment on function orch.stop_task(text, text, text, text, bigint, timestamptz) is
    'STOP: cancels a task for good, or defers that while a deploy is under way. Says what it did: cancelled, deferred, already_pending, already_cancelled, already_done, not_found or disabled. select * from orch.stop_task(''ORCH-042'')';
