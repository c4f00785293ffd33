create or replace function orch.report_resilience()
returns jsonb language sql stable as $$
    select coalesce(jsonb_agg(jsonb_build_object('node', n.node, 'agent', l.key) || l.value order by n.node, l.key), '[]')
      from orch.nodes as n cross join lateral jsonb_each(n.left_out) as l
     where n.stopped_at is null
$$;
comment on function orch.report_resilience() is 'Block of GET /queue: agents that nodes leave out now, because their breaker is not closed or their preflight fails.';
