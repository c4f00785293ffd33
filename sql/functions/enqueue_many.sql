create or replace function orch.enqueue_many(jobs jsonb)
returns setof bigint language plpgsql as $$
begin
    if not has_function_privilege('orch.put_jobs(jsonb)'::regprocedure, 'execute') then
        perform orch.refuse_producer();
    end if;
    return query select p.id from orch.put_jobs(jobs) as p (id);
end
$$;
comment on function orch.enqueue_many(jsonb) is
    'Queues all jobs of an array of objects, whose members are named like the parameters of orch.enqueue(), and answers their numbers in that order; a wrong one is named by its position and nothing is queued. select orch.enqueue_many(''[{"agent": "report", "content": "March"}, {"agent": "report", "priority": 5}]'')';
