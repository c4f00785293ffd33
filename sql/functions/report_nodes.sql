create or replace function orch.report_nodes()
returns jsonb language sql stable as $$
    select coalesce(jsonb_agg(to_jsonb(n)), '[]') from orch.nodes_now as n
$$;
comment on function orch.report_nodes() is 'Block of GET /queue: nodes.';
