-- The window begins with the first round that sees the monitor: while no node looked, nothing was watched.
create or replace function orch.monitors_due(rules jsonb)
returns table (monitor_id bigint, repo text, work_item text, sha text) language plpgsql as $$
begin
    perform orch.end_monitor(m, 'ENDED') from orch.monitors as m where m.ended_at is null and not rules ? m.repo;
    update orch.monitors as m set until = now() + make_interval(secs => (rules #>> array[m.repo, 'window_ms'])::float8 / 1000)
     where m.ended_at is null and m.until is null;
    return query
    select m.id, m.repo, t.work_item, m.sha from orch.monitors as m join orch.tasks as t on t.id = m.task_id
     where m.ended_at is null and m.next_at <= now() order by m.next_at, m.id;
end
$$;
comment on function orch.monitors_due(jsonb) is
    'The checks that are due. rules: {"acme/shop": {"window_ms": 900000}, …}, all repositories that have a monitor; a watch over another ends.';
