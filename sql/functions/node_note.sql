-- A node that answers is just named. Of one that is late or gone a person has to know until when its processes may live.
create or replace function orch.node_note(node text)
returns text language sql stable as $$
    select 'node ' || node_note.node || coalesce((
        select case when n.stopped_at is null and n.beat_at + n.lease / 2 >= now() then ''
                    else format(' (last seen %s; its lease %s %s)', orch.clock_text(n.beat_at),
                                case when n.beat_at + n.lease < now() then 'ended' else 'ends' end, orch.clock_text(n.beat_at + n.lease)) end
          from orch.nodes as n where n.node = node_note.node), ' (which is not known)')
$$;
comment on function orch.node_note(text) is 'A node by its name; one that does not answer with when it was last seen and when its lease ends.';
