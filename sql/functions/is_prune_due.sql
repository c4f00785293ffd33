create or replace function orch.is_prune_due(last_run timestamptz, at timestamptz, every interval)
returns boolean language sql immutable as $$
    select last_run is null or at >= last_run + every
$$;
comment on function orch.is_prune_due(timestamptz, timestamptz, interval) is 'Whether build caches are to be pruned: by the last time, the time now, and how often. Nothing else counts.';
