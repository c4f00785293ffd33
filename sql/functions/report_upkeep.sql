create or replace function orch.report_upkeep()
returns jsonb language sql stable as $$
    select coalesce(jsonb_object_agg(d.duty, orch.report_duty(d.duty)), '{}') from orch.duties as d
$$;
comment on function orch.report_upkeep() is 'Block of GET /queue: duties, which node has each, and why its last round failed.';
