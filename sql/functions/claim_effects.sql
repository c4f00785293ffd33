create or replace function orch.claim_effects(node text, slots int, held bigint[] default '{}',
    kinds text[] default array['board_comment', 'board_status', 'alert', 'card', 'task_start', 'pull_open', 'pull_merge', 'archive',
                               'worktree_remove', 'branch_delete'])
returns table (effect_id bigint, token uuid, kind text, attempts int, task_id bigint, payload jsonb, context jsonb)
language sql as $$
    with due as (
        select o.id from orch.outbox as o
         where o.status = 'pending' and o.next_at <= now() and (o.locked_until is null or o.locked_until < now() or (o.holder = claim_effects.node and not o.id = any (held)))
           and o.kind = any (kinds)
           and (o.node is null or o.node = claim_effects.node)
           and not exists (select from orch.outbox as e where e.lane = o.lane and e.status = 'pending' and e.id < o.id)
           and (o.kind not in ('archive', 'worktree_remove', 'branch_delete')
                or not exists (select from orch.agent_runs as r where r.task_id = o.task_id and r.ended_at is null))
         order by o.id limit claim_effects.slots for update skip locked),
    taken as (
        update orch.outbox as o
           set token = gen_random_uuid(), holder = claim_effects.node, locked_until = now() + interval '2 minutes', attempts = o.attempts + 1
          from due where o.id = due.id
        returning o.*)
    select k.id, k.token, k.kind, k.attempts, k.task_id, orch.effect_payload(k), orch.effect_context(k) from taken as k order by k.id
$$;
comment on function orch.claim_effects(text, int, bigint[], text[]) is 'Effects to deliver now, the first of each lane, each with a token for two minutes. kinds: those that the node knows; before it could say so there were ten. held: those that the node is delivering; what it had before and does not name is free again.';
