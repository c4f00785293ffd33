create or replace function orch.approve(ref text, actor text default session_user, event_id bigint default null)
returns text language plpgsql as $$
declare
    task orch.tasks;
begin
    select * into task from orch.tasks as t where t.id = orch.need_task(ref) for no key update;
    if task.stage <> 'analysis' then
        return format('nothing to approve: %s is in %s', orch.original_key(task.work_item), task.stage);
    end if;
    if orch.active_job(task.id) is not null or task.brd_review_started_at is null then
        return format('not yet: the analysis of %s is not finished', task.work_item);
    end if;
    update orch.tasks as t set brd_review_ended_at = now() where t.id = task.id;
    perform orch.move_on(task.id, 'check_analysis_approved', actor, event_id, null,
                         jsonb_build_object('gate', 'check_analysis_approved', 'decision', 'pass', 'approved_by', actor));
    return format('approved: %s goes on to architecture', task.work_item);
end
$$;
comment on function orch.approve(text, text, bigint) is 'Opens the human gate of a task whose analysis is finished. select orch.approve(''ORCH-042'')';
