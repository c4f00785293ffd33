create or replace function orch.run_log(run_id bigint)
returns table (node text, log_path text, is_ended boolean) language sql stable as $$
    select r.node, r.log_path, r.ended_at is not null from orch.agent_runs as r where r.id = run_log.run_id
$$;
comment on function orch.run_log(bigint) is 'Where the log of a run is, and whether more may come; no row = no such run. For GET /runs/{id}/log';
