-- For a producer, who may read no table. It tells neither a job's content nor what its agent said, because any producer may ask for any
-- number. Jobs of tasks are the operators' business.
create or replace function orch.job(job_id bigint)
returns table (id bigint, agent text, status text, held text, run_at timestamptz, attempts int, max_attempts int, created_at timestamptz,
               started_at timestamptz, finished_at timestamptz)
language sql stable as $$
    select j.id, j.agent, j.status, j.held, j.run_at, j.attempts, j.max_attempts, j.created_at, j.started_at, j.finished_at
      from orch.jobs as j where j.id = job.job_id and j.task_id is null
$$;
comment on function orch.job(bigint) is
    'What became of a job that was enqueued; no row = no such job, or its row was pruned since. select status from orch.job(42)';
