create or replace function orch.report_build_cache()
returns jsonb language sql stable as $$
    select orch.report_duty('build_cache') || jsonb_build_object(
               'last_run', b.began_at, 'ended_at', b.ended_at, 'last_node', b.node, 'last_error', b.last_error, 'runs', b.runs)
      from orch.build_cache as b
$$;
comment on function orch.report_build_cache() is 'Block of GET /queue: the pruner of build caches, when it ran last and why that came to nothing.';
