create or replace function orch.report_upkeep()
returns jsonb language sql stable as $$
    select coalesce(jsonb_object_agg(d.duty, jsonb_build_object('node', d.node, 'until_at', d.until_at, 'ran_at', d.ran_at, 'failed', d.failed)), '{}')
      from orch.duties as d
$$;
comment on function orch.report_upkeep() is 'Block of GET /queue: duties, which node has each, and why its last round failed.';
