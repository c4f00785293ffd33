create or replace function orch.node_start(node text, incarnation uuid, pid int, slots int, version text, lease interval, host text default null)
returns void language plpgsql as $$
begin
    insert into orch.nodes as n (node, incarnation, pid, slots, version, lease, host)
    values (node_start.node, node_start.incarnation, node_start.pid, node_start.slots, node_start.version, node_start.lease, node_start.host)
        on conflict on constraint nodes_pkey do update
       set incarnation = excluded.incarnation, pid = excluded.pid, slots = excluded.slots, version = excluded.version, lease = excluded.lease,
           host = excluded.host, is_draining = false, started_at = now(), beat_at = now(), stopped_at = null;
end
$$;
comment on function orch.node_start(text, uuid, int, int, text, interval, text) is 'Registers a node. An older incarnation of the same name counts no more.';
