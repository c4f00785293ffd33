create or replace function orch.active_job(task_id bigint)
returns bigint language sql stable as $$
    select j.id from orch.jobs as j where j.task_id = active_job.task_id and j.status in ('queued', 'running') order by j.id limit 1
$$;
comment on function orch.active_job(bigint) is 'A queued or running job of the task; null = there is none.';
