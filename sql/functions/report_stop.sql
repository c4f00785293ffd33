create or replace function orch.report_stop()
returns jsonb language sql stable as $$
    select jsonb_build_object(
        'enabled', orch.setting('stop_status_enabled')::boolean,
        'repos', orch.setting('stop_status_repos'),
        'cancelled_count', (select count(*) from orch.tasks as t where t.stage = 'cancelled'),
        'deferred_pending', (select count(*) from orch.tasks as t where t.cancel_requested_at is not null and t.finished_at is null),
        'recent', (select coalesce(jsonb_agg(to_jsonb(s)), '[]') from (select * from orch.stops limit 10) as s))
$$;
comment on function orch.report_stop() is 'Block of GET /queue: STOP.';
