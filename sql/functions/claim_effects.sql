-- What a messenger's limit leaves goes to alerts before cards. A channel whose other side has asked for patience rests as a whole.
create or replace function orch.claim_effects(node text, slots int, held bigint[] default '{}',
    kinds text[] default array['board_comment', 'board_status', 'alert', 'card', 'task_start', 'pull_open', 'pull_merge', 'archive',
                               'worktree_remove', 'branch_delete'])
returns table (effect_id bigint, token uuid, kind text, attempts int, task_id bigint, payload jsonb, context jsonb)
language plpgsql as $$
declare
    resting  text[] := array(select c.channel from orch.channels as c where c.quiet_until > clock_timestamp());
    messages bigint[]; -- that may be sent, when they are limited
    room     int;
    ids      bigint[];
begin
    if exists (select from orch.outbox as o where o.status = 'pending' and o.next_at <= now() and o.kind in ('alert', 'card')) and not 'chat' = any (resting) then
        room := orch.chat_room();
        if room is not null then
            messages := array(select o.id from orch.outbox as o
                               where o.status = 'pending' and o.next_at <= now() and o.kind in ('alert', 'card') and o.kind = any (claim_effects.kinds)
                                 and (o.locked_until is null or o.locked_until < now())
                                 and not exists (select from orch.outbox as e where e.lane = o.lane and e.status = 'pending' and e.id < o.id)
                               order by o.kind = 'card', o.id limit room);
        end if;
    end if;
    with due as (
        select o.id from orch.outbox as o
         where o.status = 'pending' and o.next_at <= now() and (o.locked_until is null or o.locked_until < now() or (o.holder = claim_effects.node and not o.id = any (held)))
           and o.kind = any (claim_effects.kinds)
           and (o.node is null or o.node = claim_effects.node)
           and not coalesce(orch.channel_of(o.kind) = any (resting), false)
           and (messages is null or o.kind not in ('alert', 'card') or o.id = any (messages))
           and not exists (select from orch.outbox as e where e.lane = o.lane and e.status = 'pending' and e.id < o.id)
           and (o.kind not in ('archive', 'worktree_remove', 'branch_delete')
                or not exists (select from orch.agent_runs as r where r.task_id = o.task_id and r.ended_at is null))
         order by o.id limit claim_effects.slots for update skip locked),
    taken as (
        update orch.outbox as o
           set token = gen_random_uuid(), holder = claim_effects.node, locked_until = now() + interval '2 minutes', attempts = o.attempts + 1
          from due where o.id = due.id
        returning o.id)
    select array_agg(k.id) into ids from taken as k;
    -- In a statement of its own: it sees what was committed before the rows were ours, and a card shows that.
    ids := orch.word_cards(ids);
    if messages is not null then
        update orch.channels as c set tokens = c.tokens - (select count(*) from orch.outbox as o where o.id = any (ids) and o.kind in ('alert', 'card'))
         where c.channel = 'chat';
    end if;
    return query
    select k.id, k.token, k.kind, k.attempts, k.task_id, orch.effect_payload(k), orch.effect_context(k) from orch.outbox as k where k.id = any (ids) order by k.id;
end
$$;
comment on function orch.claim_effects(text, int, bigint[], text[]) is 'Effects to deliver now, the first of each lane, each with a token for two minutes. kinds: those that the node knows; before it could say so there were ten. held: those that the node is delivering; what it had before and does not name is free again.';
