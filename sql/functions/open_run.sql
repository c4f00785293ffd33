-- The claim made the number; the row comes when there is something to tell. A job that was taken from its run gets no row by it.
create or replace function orch.open_run(run_id bigint, job_id bigint)
returns void language sql as $$
    insert into orch.agent_runs (id, job_id, task_id, agent, stage, node, incarnation, attempt, claimed_at) overriding system value
    select j.run_id, j.id, j.task_id, j.agent, j.stage, j.node, n.incarnation, j.attempts, j.started_at
      from orch.jobs as j join orch.nodes as n on n.node = j.node
     where j.id = coalesce(open_run.job_id, (select k.id from orch.jobs as k where k.run_id = open_run.run_id and k.status = 'running')) and j.run_id = open_run.run_id and j.status in ('running', 'cancelled')
        on conflict do nothing
$$;
comment on function orch.open_run(bigint, bigint) is 'Writes the row of a claimed run that has none yet. A stale run gets none. Without job_id: of the job that runs by it.';
