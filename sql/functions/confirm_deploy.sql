create or replace function orch.confirm_deploy(ref text, actor text default session_user)
returns text language plpgsql as $$
declare
    task orch.tasks;
begin
    select * into task from orch.tasks as t where t.id = orch.need_task(ref) for no key update;
    update orch.deploys as d set confirmed_at = now(), confirmed_by = actor, checked_at = null -- The default branch may have gone on.
     where d.task_id = task.id and d.phase = 'A' and d.confirmed_at is null;
    if not found then
        return format('nothing to confirm: %s', case when task.stage = 'deploy' then task.work_item || ' is confirmed already'
                                                     else orch.original_key(task.work_item) || ' is in ' || task.stage end);
    end if;
    perform orch.begin_deploy(task.id);
    return format('confirmed: %s deploys', task.work_item);
end
$$;
comment on function orch.confirm_deploy(text, text) is 'Lets a parked deploy begin. select orch.confirm_deploy(''ORCH-042'')';
