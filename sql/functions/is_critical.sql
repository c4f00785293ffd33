-- Uncertainty counts: a run of the lease's holder that is not known to have ended, whatever became of its job, and a question that fails.
create or replace function orch.is_critical(task_id bigint)
returns boolean language plpgsql stable as $$
begin
    return exists (select from orch.deploys as d where d.task_id = is_critical.task_id and d.phase = 'B')
        or (exists (select from orch.merge_leases as l where l.task_id = is_critical.task_id)
            and (exists (select from orch.jobs as j where j.task_id = is_critical.task_id and j.status = 'running')
                 or exists (select from orch.agent_runs as r where r.task_id = is_critical.task_id and r.ended_at is null)));
exception when others then
    raise warning 'whether task % is in a critical window cannot be told, so it counts as in one: %', task_id, sqlerrm;
    return true;
end
$$;
comment on function orch.is_critical(bigint) is 'Whether an irreversible step of the task has begun and not ended, or may have.';
