create or replace function orch.report_disk_watchdog()
returns jsonb language sql stable as $$
    select jsonb_build_object('enabled', coalesce(max(d.seen_at) > now() - interval '1 hour', false),
                              'full', count(*) filter (where d.is_full),
                              'disks', coalesce(jsonb_agg(to_jsonb(d) order by d.node, d.path), '[]'))
      from orch.disks as d
$$;
comment on function orch.report_disk_watchdog() is 'Block of GET /queue: the disks that nodes watch, and how many of them are full. Enabled: a node has looked within an hour.';
