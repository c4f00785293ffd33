create or replace function orch.report_post_deploy()
returns jsonb language sql stable as $$
    select orch.report_duty('post_deploy') || jsonb_build_object(
        'repos', to_jsonb(string_to_array(orch.setting('monitored_repos'), ',')),
        'watching', coalesce((select jsonb_agg(to_jsonb(m) order by m.id) from orch.monitors as m where m.ended_at is null), '[]'),
        'healthy_count', (select count(*) from orch.monitors as m where m.state = 'HEALTHY'),
        'degraded_count', (select count(*) from orch.monitors as m where m.state = 'DEGRADED'),
        'recent', coalesce((select jsonb_agg(to_jsonb(r) order by r.id desc)
                              from (select * from orch.monitors as m where m.ended_at is not null order by m.id desc limit 10) as r), '[]'))
$$;
comment on function orch.report_post_deploy() is 'Block of GET /queue: the monitor after a deploy, what it watches, and how the last watches ended.';
