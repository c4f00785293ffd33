create or replace function orch.node_stop(node text, incarnation uuid)
returns void language sql as $$
    update orch.nodes as n set stopped_at = now() where n.node = node_stop.node and n.incarnation = node_stop.incarnation and n.stopped_at is null
$$;
comment on function orch.node_stop(text, uuid) is 'A node leaves in order.';
