-- Stamped before it begins: a node that dies of it does not begin again at once elsewhere.
create or replace function orch.begin_prune(node text, every interval)
returns boolean language sql as $$
    with begun as (
        update orch.build_cache as b set began_at = now(), ended_at = null, node = begin_prune.node
         where orch.is_prune_due(b.began_at, now(), every)
        returning 1)
    select exists (select from begun)
$$;
comment on function orch.begin_prune(text, interval) is 'Begins a pruning of build caches, if one is due: true once in every.';
