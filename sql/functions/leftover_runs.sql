create or replace function orch.leftover_runs(node text)
returns table (run_id bigint, pid int, pid_start text, boot_id text, marker text) language sql stable as $$
    select r.id, r.pid, r.pid_start, r.boot_id, format('ORCH_RUN_MARK=%s/%s', r.node, r.id)
      from orch.agent_runs as r join orch.nodes as n on n.node = r.node
     where r.node = leftover_runs.node and r.ended_at is null and r.incarnation <> n.incarnation
$$;
comment on function orch.leftover_runs(text) is 'Open runs that an earlier incarnation of the node left behind.';
