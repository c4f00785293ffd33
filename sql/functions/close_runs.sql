create or replace function orch.close_runs(run_ids bigint[], outcomes text[], details jsonb[])
returns setof bigint language sql as $$
    update orch.agent_runs as r
       set ended_at = now(), outcome = f.outcome,
           exit_status = (f.detail ->> 'exit_status')::int, signal = nullif((f.detail ->> 'signal')::int, 0),
           message = left(coalesce(f.detail ->> 'error', f.detail ->> 'message'), 4000),
           head_sha = nullif(f.detail ->> 'head', ''),
           started_at = coalesce(r.started_at, (f.detail ->> 'started_at')::timestamptz),
           term_at = coalesce(r.term_at, (f.detail ->> 'term_at')::timestamptz),
           kill_at = coalesce(r.kill_at, (f.detail ->> 'kill_at')::timestamptz),
           gone_at = (f.detail ->> 'gone_at')::timestamptz,
           tree_size = (f.detail ->> 'tree_size')::int,
           tokens_in = floor(orch.told_number(f.detail #> '{usage,input}', 1e15)), tokens_out = floor(orch.told_number(f.detail #> '{usage,output}', 1e15)),
           tokens_cache = floor(orch.told_number(f.detail #> '{usage,cache}', 1e15)),
           cost_usd = orch.told_number(f.detail -> 'cost_usd', 999999) -- rounded, it still fits its column
      from unnest(run_ids, outcomes, details) as f (run_id, outcome, detail)
     where r.id = f.run_id and r.ended_at is null
    returning r.id
$$;
comment on function orch.close_runs(bigint[], text[], jsonb[]) is 'Closes the rows of runs with what happened, and answers which; one that is unknown or closed is passed over.';
