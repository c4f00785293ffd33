create or replace function orch.report_max_concurrency()
returns jsonb language sql stable as $$
    select coalesce(jsonb_object_agg(n.node, n.slots), '{}') from orch.nodes_now as n where n.state in ('alive', 'draining')
$$;
comment on function orch.report_max_concurrency() is 'Block of GET /queue: agents at once, per node.';
