create or replace function orch.open_runs(node text)
returns table (run_id bigint, job_id bigint, task_id bigint, incarnation uuid, claimed_at timestamptz, started_at timestamptz, pid int, pid_start text, boot_id text)
language sql stable as $$
    select r.id, r.job_id, r.task_id, r.incarnation, r.claimed_at, r.started_at, r.pid, r.pid_start, r.boot_id
      from orch.agent_runs as r where r.ended_at is null and r.node = open_runs.node
    union all
    select j.run_id, j.id, j.task_id, null, j.started_at, null, null, null, null
      from orch.jobs as j where j.status = 'running' and j.node = open_runs.node and not exists (select from orch.agent_runs as r where r.id = j.run_id)
$$;
comment on function orch.open_runs(text) is 'What is physically open on a node, or may be: runs that have not ended, and claims of which no process was told yet (their incarnation is null).';
