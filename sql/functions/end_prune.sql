create or replace function orch.end_prune(error text)
returns void language sql as $$
    update orch.build_cache as b
       set ended_at = case when b.began_at is not null then coalesce(b.ended_at, now()) end, last_error = end_prune.error,
           runs = b.runs + case when end_prune.error is null then 1 else 0 end
     where b.last_error is distinct from end_prune.error or b.began_at is not null and b.ended_at is null
$$;
comment on function orch.end_prune(text) is 'How the pruning of build caches ended; an error without one that began says why none does.';
