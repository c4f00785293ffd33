create or replace function orch.report_events()
returns jsonb language sql stable as $$
    select jsonb_build_object(
        'failed', (select count(*) from orch.events as e where e.status = 'failed'),
        'waiting', (select count(*) from orch.events as e where e.status = 'waiting'),
        'oldest', (select to_jsonb(e) - 'body' - 'facts' from orch.events as e where e.status in ('failed', 'waiting') order by e.id limit 1))
$$;
comment on function orch.report_events() is 'Block of GET /queue: deliveries that are not routed yet.';
