-- When the answer to a claim is lost with its connection, the jobs are running for nobody: the node that asked tells what it holds.
create or replace function orch.disown_runs(node text, incarnation uuid, held bigint[])
returns int language plpgsql as $$
declare
    run   bigint;
    count int := 0;
begin
    perform orch.need_node(node, incarnation);
    for run in select r.id from orch.agent_runs as r
                where r.node = disown_runs.node and r.incarnation = disown_runs.incarnation and r.ended_at is null
                  and not r.id = any (held) order by r.task_id, r.id loop
        perform orch.finish_run(run, 'released', '{"error": "the answer to its claim was lost"}');
        count := count + 1;
    end loop;
    return count;
end
$$;
comment on function orch.disown_runs(text, uuid, bigint[]) is 'Gives back the open runs of a node that it does not hold, because the answer to their claim was lost. Answers how many.';
