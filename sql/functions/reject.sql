create or replace function orch.reject(ref text, reason text default null, actor text default session_user, event_id bigint default null)
returns text language plpgsql as $$
declare
    task orch.tasks;
    back text;
begin
    select * into task from orch.tasks as t where t.id = orch.need_task(ref) for no key update;
    select s.on_reject into back from orch.stages as s where s.stage = task.stage;
    if orch.is_terminal(task.stage) or back is null then
        return format('nothing to reject: %s is in %s', orch.original_key(task.work_item), task.stage);
    end if;
    if orch.stays_critical(task.id) then
        return format('too late: a deploy of %s is under way', task.work_item);
    end if;
    perform orch.cancel_jobs(task.id, 'rejected by ' || actor, array['queued', 'running']);
    update orch.tasks as t set brd_review_ended_at = now()
     where t.id = task.id and t.brd_review_started_at is not null and t.brd_review_ended_at is null;
    perform orch.send_back(task.id, coalesce(nullif(btrim(reason), ''), 'rejected without a comment'), 'rejected', actor, event_id);
    return format('rejected: %s goes back to %s', task.work_item, back);
end
$$;
comment on function orch.reject(text, text, text, bigint) is
    'Sends a task back as its stage says, with the reason in the next job''s content. It is never a STOP. select orch.reject(''ORCH-042'', ''cover SSH too'')';
