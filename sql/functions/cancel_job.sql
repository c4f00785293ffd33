create or replace function orch.cancel_job(job_id bigint, reason text default 'cancelled by ' || session_user)
returns text language plpgsql as $$
declare
    job orch.jobs;
begin
    select * into job from orch.jobs as j where j.id = cancel_job.job_id;
    if job.id is null then
        raise exception 'job % does not exist', coalesce(job_id::text, 'null') using errcode = 'OR404';
    end if;
    perform 1 from orch.tasks as t where t.id = job.task_id for no key update;
    if orch.stays_critical(job.task_id) then
        raise exception 'job % belongs to a deploy that is under way; stop the task to cancel it afterwards', job_id using errcode = 'OR409';
    end if;
    select * into job from orch.jobs as j where j.id = cancel_job.job_id for update;
    if job.status not in ('queued', 'running') then
        return format('job %s is %s already', job_id, job.status);
    end if;
    perform orch.open_run(job.run_id, job.id) where job.status = 'running'; -- Its node is told of runs, so it must have a row.
    perform orch.end_job(job.id, 'cancelled', reason);
    update orch.agent_runs as r set stop_at = clock_timestamp() where r.job_id = job.id and r.ended_at is null and r.stop_at is null;
    perform pg_notify('orch_stop', job.node) where job.status = 'running';
    if job.task_id is not null then
        perform orch.block_task_because(job.task_id, 'cancelled', job.id::text, reason);
    end if;
    return format('job %s is cancelled', job_id);
end
$$;
comment on function orch.cancel_job(bigint, text) is 'Cancels one queued or running job; the task it belongs to is blocked for a person to look at. select orch.cancel_job(42, reason => ''duplicate'')';
