-- When the answer to a claim is lost with its connection, the jobs are running for nobody: the node that asked tells what it holds. So are those
-- of a claim that an earlier incarnation had sent and that was committed only after this one had asked what was left behind: it holds the lock
-- on the data directory, so nobody else of its name can start them any more.
create or replace function orch.disown_runs(node text, incarnation uuid, held bigint[])
returns int language plpgsql as $$
declare
    run   record;
    count int := 0;
begin
    perform orch.need_node(node, incarnation);
    for run in select o.* from orch.open_runs(disown_runs.node) as o
                where (o.started_at is null or o.incarnation = disown_runs.incarnation) and not o.run_id = any (held) order by o.task_id, o.run_id loop
        begin
            perform orch.finish_run(run.run_id, 'released', '{"error": "the answer to its claim was lost"}', run.job_id);
            count := count + 1;
        exception when sqlstate 'OR410' then
            null; -- Closed between our look and the lock: nothing is left to do.
        end;
    end loop;
    return count;
end
$$;
comment on function orch.disown_runs(text, uuid, bigint[]) is 'Gives back the open runs of a node that it does not hold, because the answer to their claim was lost. Answers how many.';
