-- In PL/pgSQL, because a session keeps its plan, and a STOP waits for this answer.
create or replace function orch.runs_to_stop(node text)
returns table (run_id bigint, why text, asked_at timestamptz) language plpgsql stable set plan_cache_mode = force_generic_plan as $$
begin
    return query
    select r.id, coalesce(j.error, 'job is ' || j.status), r.stop_at
      from orch.agent_runs as r join orch.jobs as j on j.id = r.job_id
     where r.node = runs_to_stop.node and r.ended_at is null and (j.status <> 'running' or j.run_id <> r.id);
end
$$;
comment on function orch.runs_to_stop(text) is 'Open runs of a node whose job is no longer theirs: their processes must end.';
