create or replace function orch.close_run(run_id bigint, outcome text, detail jsonb)
returns void language plpgsql as $$
begin
    update orch.agent_runs as r
       set ended_at = now(), outcome = close_run.outcome,
           exit_status = (detail ->> 'exit_status')::int, signal = nullif((detail ->> 'signal')::int, 0),
           message = left(coalesce(detail ->> 'error', detail ->> 'message'), 4000),
           head_sha = nullif(detail ->> 'head', ''),
           started_at = coalesce(r.started_at, (detail ->> 'started_at')::timestamptz),
           term_at = coalesce(r.term_at, (detail ->> 'term_at')::timestamptz),
           kill_at = coalesce(r.kill_at, (detail ->> 'kill_at')::timestamptz),
           gone_at = (detail ->> 'gone_at')::timestamptz,
           tree_size = (detail ->> 'tree_size')::int,
           tokens_in = (detail #>> '{usage,input}')::bigint, tokens_out = (detail #>> '{usage,output}')::bigint,
           tokens_cache = (detail #>> '{usage,cache}')::bigint, cost_usd = (detail ->> 'cost_usd')::numeric
     where r.id = close_run.run_id and r.ended_at is null;
    if not found then
        raise exception 'run % is unknown or closed', run_id using errcode = 'OR410';
    end if;
end
$$;
comment on function orch.close_run(bigint, text, jsonb) is 'Closes the row of a run with what happened; OR410 when it is unknown or closed.';
