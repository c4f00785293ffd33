create or replace function orch.run_stopping(run_id bigint, term_at timestamptz, kill_at timestamptz)
returns void language sql as $$
    update orch.agent_runs as r
       set term_at = coalesce(r.term_at, run_stopping.term_at), kill_at = coalesce(r.kill_at, run_stopping.kill_at)
     where r.id = run_stopping.run_id and r.ended_at is null
$$;
comment on function orch.run_stopping(bigint, timestamptz, timestamptz) is 'Records the stop cascade of an open run as it happens.';
