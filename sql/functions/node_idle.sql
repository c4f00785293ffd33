-- First the lock, then the horizon: whoever tested the lock before we took it has an older number, and whoever tests it later rings.
-- The horizon is a number of our own. A snapshot's xmax will not do: it follows the newest transaction that has ended, and a newer one may be open.
create or replace function orch.node_idle(horizon xid8, out is_idle boolean, out new_horizon xid8, out is_settled boolean, out next_ms float8)
language plpgsql set plan_cache_mode = force_generic_plan as $$
begin
    is_idle := true;
    new_horizon := horizon;
    if horizon is null then
        is_idle := pg_try_advisory_lock_shared(orch.idle_key());
        new_horizon := pg_current_xact_id();
    end if;
    is_settled := is_idle and horizon is not null and pg_snapshot_xmin(pg_current_snapshot()) >= new_horizon;
    next_ms := orch.next_job_ms();
end
$$;
comment on function orch.node_idle(xid8) is
    'Called on a node''s LISTEN connection: with null, the session becomes idle (and answers its horizon); with that horizon, tells whether all transactions that were open then have ended: one more look, and NOTIFY can be relied upon. next_ms: until the next job is due; null = none is.';
