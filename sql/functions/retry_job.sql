create or replace function orch.retry_job(job_id bigint)
returns text language plpgsql as $$
declare
    job  orch.jobs;
    task orch.tasks;
begin
    select * into job from orch.jobs as j where j.id = retry_job.job_id;
    if job.id is null then
        raise exception 'job % does not exist', coalesce(job_id::text, 'null') using errcode = 'OR404';
    end if;
    select * into task from orch.tasks as t where t.id = job.task_id for no key update;
    select * into job from orch.jobs as j where j.id = retry_job.job_id for update;
    if job.status in ('queued', 'running') then
        return format('job %s is %s already', job_id, job.status);
    elsif orch.is_terminal(task.stage) then
        raise exception 'job % cannot be retried: %s is %', job_id, task.work_item, task.stage using errcode = 'OR409';
    elsif task.stage <> job.stage or orch.active_job(task.id) is not null then
        raise exception 'job % cannot be retried: its task is in % and has gone on', job_id, task.stage using errcode = 'OR409';
    elsif job.stage = 'deploy' and orch.is_critical(task.id) then
        raise exception 'job % cannot be retried: its deploy is under way', job_id using errcode = 'OR409';
    elsif job.stage = 'deploy' and not exists (select from orch.deploys as d where d.task_id = task.id and d.finished_at is null) then
        raise exception 'job % cannot be retried: its deploy has ended; Rejected sends the task back', job_id using errcode = 'OR409';
    end if;
    if task.id is not null then
        return format('job %s does the work of job %s again', orch.queue_stage_job(task.id), job_id);
    end if;
    return format('job %s does the work of job %s again', orch.enqueue(job.agent, job.content, job.repo, job.priority, now(), job.max_attempts,
                                                                       job.unique_key, job.tags, limit_key => job.limit_key), job_id);
end
$$;
comment on function orch.retry_job(bigint) is 'Does the work of a finished job again, as a new job. Refused for a terminal task, and when the task has gone on. select orch.retry_job(42)';
