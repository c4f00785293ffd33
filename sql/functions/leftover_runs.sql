create or replace function orch.leftover_runs(node text)
returns table (run_id bigint, job_id bigint, pid int, pid_start text, boot_id text, marker text, cgroup text,
               is_detached boolean, task_id bigint, work_item text, agent text, repo text) language sql stable as $$
    select o.run_id, o.job_id, o.pid, o.pid_start, o.boot_id, format('ORCH_RUN_MARK=%s/%s', n.node, o.run_id), r.cgroup,
           r.detached_until is not null, r.task_id, t.work_item, r.agent, t.repo
      from orch.nodes as n cross join lateral orch.open_runs(n.node) as o
      left join orch.agent_runs as r on r.id = o.run_id
      left join orch.tasks as t on t.id = r.task_id
     where n.node = leftover_runs.node and (o.incarnation <> n.incarnation or o.incarnation is null and o.claimed_at < n.started_at)
$$;
comment on function orch.leftover_runs(text) is
    'Open runs that an earlier incarnation of the node left behind: what is detached is to be watched on, the rest to be ended.';
