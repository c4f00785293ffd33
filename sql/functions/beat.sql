create or replace function orch.beat(node text, incarnation uuid, is_draining boolean)
returns table (run_id bigint, why text, asked_at timestamptz) language plpgsql as $$
begin
    update orch.nodes as n set beat_at = now(), is_draining = beat.is_draining
     where n.node = beat.node and n.incarnation = beat.incarnation and n.stopped_at is null;
    if not found then
        raise exception 'node "%" was replaced or declared gone', node using errcode = 'OR410';
    end if;
    return query select s.run_id, s.why, s.asked_at from orch.runs_to_stop(beat.node) as s;
end
$$;
comment on function orch.beat(text, uuid, boolean) is 'Heartbeat: keeps the node''s jobs for another lease and names the runs that must end. OR410: stop everything.';
