create or replace function orch.need_node(node text, incarnation uuid)
returns void language plpgsql stable as $$
begin
    if not exists (select from orch.nodes as n
                    where n.node = need_node.node and n.incarnation = need_node.incarnation and n.stopped_at is null) then
        raise exception 'node "%" was replaced or declared gone', node using errcode = 'OR410';
    end if;
end
$$;
comment on function orch.need_node(text, uuid) is 'Fails with OR410 when this incarnation of the node no longer counts.';
