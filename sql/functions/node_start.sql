-- A name belongs to one host at a time. On the same host (name and boot) a new incarnation is a restart: a lock on the data directory keeps
-- twins apart there. From another host the name is free when its node has left, or its lease has ended: its agents have stopped by then.
create or replace function orch.node_start(node text, incarnation uuid, pid int, slots int, version text, lease interval, host text default null,
    containment text default null)
returns void language plpgsql as $$
declare
    other orch.nodes;
begin
    insert into orch.nodes as n (node, incarnation, pid, slots, version, lease, host, containment)
    values (node_start.node, node_start.incarnation, node_start.pid, node_start.slots, node_start.version, node_start.lease, node_start.host,
            node_start.containment)
        on conflict on constraint nodes_pkey do update
       set incarnation = excluded.incarnation, pid = excluded.pid, slots = excluded.slots, version = excluded.version, lease = excluded.lease,
           host = excluded.host, containment = excluded.containment, agents = null, left_out = '{}', is_draining = false, started_at = now(),
           beat_at = now(), stopped_at = null
     where n.incarnation = excluded.incarnation or n.host = excluded.host or n.host is null or excluded.host is null
        or n.stopped_at is not null or n.beat_at + n.lease < now();
    if not found then
        select n.* into other from orch.nodes as n where n.node = node_start.node;
        raise exception 'node "%" runs on host "%" already, and its lease lasts until %', node, other.host, other.beat_at + other.lease
            using errcode = 'OR409', hint = 'Set another ORCH_NODE, or stop the node there.';
    end if;
end
$$;
comment on function orch.node_start(text, uuid, int, int, text, interval, text, text) is
    'Registers a node. An older incarnation of the same name counts no more. OR409: the name is alive on another host.';
