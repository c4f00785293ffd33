create or replace function orch.report_serial_gate()
returns jsonb language sql stable as $$
    select jsonb_build_object(
        'enabled', orch.setting('serial_gate_enabled')::boolean,
        'repos', orch.setting('serial_gate_repos'),
        'frozen', (select coalesce(jsonb_agg(to_jsonb(f) order by f.repo), '[]') from orch.repo_freeze as f),
        'waiting', (select count(*) from orch.jobs as j where j.status = 'queued' and j.held like 'serial gate:%'))
$$;
comment on function orch.report_serial_gate() is 'Block of GET /queue: the serial gate and frozen repositories.';
