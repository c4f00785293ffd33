create or replace function orch.cancel_jobs(task_id bigint, reason text, statuses text[], asked_at timestamptz default clock_timestamp())
returns int language plpgsql as $$
declare
    cancelled int;
begin
    update orch.jobs as j set status = 'cancelled', finished_at = now(), error = cancel_jobs.reason, held = null, held_by = null
     where j.task_id = cancel_jobs.task_id and j.status = any (statuses);
    get diagnostics cancelled = row_count;
    update orch.agent_runs as r set stop_at = cancel_jobs.asked_at
      from orch.jobs as j
     where r.task_id = cancel_jobs.task_id and r.ended_at is null and r.stop_at is null and j.id = r.job_id and j.status = 'cancelled';
    perform pg_notify('orch_stop', r.node) from orch.agent_runs as r
      join orch.jobs as j on j.id = r.job_id
     where r.task_id = cancel_jobs.task_id and r.ended_at is null and j.status = 'cancelled' group by r.node;
    return cancelled;
end
$$;
comment on function orch.cancel_jobs(bigint, text, text[], timestamptz) is 'Cancels the task''s jobs that have one of these statuses, and rings the nodes whose runs must end.';
