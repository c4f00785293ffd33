create or replace function orch.close_run(run_id bigint, outcome text, detail jsonb)
returns void language plpgsql as $$
begin
    perform orch.close_runs(array[run_id], array[outcome], array[detail]);
    if not found then
        raise exception 'run % is unknown or closed', run_id using errcode = 'OR410';
    end if;
end
$$;
comment on function orch.close_run(bigint, text, jsonb) is 'Closes the row of a run with what happened; OR410 when it is unknown or closed.';
