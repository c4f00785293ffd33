create or replace function orch.is_critical(task_id bigint)
returns boolean language sql stable as $$
    select exists (select from orch.deploys as d where d.task_id = is_critical.task_id and d.phase = 'B')
        or (exists (select from orch.merge_leases as l where l.task_id = is_critical.task_id)
            and exists (select from orch.jobs as j where j.task_id = is_critical.task_id and j.status = 'running'))
$$;
comment on function orch.is_critical(bigint) is 'Whether an irreversible step of the task has begun and not ended.';
