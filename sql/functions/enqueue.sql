-- The door asks with the caller's rights, so that a login without the right reads which role has it; the work is done with the owner's.
create or replace function orch.enqueue(
    agent text, content text default '', repo text default null, priority int default 0, run_at timestamptz default now(),
    max_attempts int default null, unique_key text default null, tags text[] default '{}',
    unique_for interval default null, limit_key text default null)
returns bigint language plpgsql set plan_cache_mode = force_generic_plan as $$
begin
    if not has_function_privilege('orch.put_job(text, text, text, int, timestamptz, int, text, text[], interval, text)'::regprocedure, 'execute') then
        perform orch.refuse_producer();
    end if;
    return orch.put_job(agent, content, repo, priority, run_at, max_attempts, unique_key, tags, unique_for, limit_key);
end
$$;
comment on function orch.enqueue(text, text, text, int, timestamptz, int, text, text[], interval, text) is
    'Queues a job in the caller''s own transaction and answers its number. With a unique_key that is taken (by a queued or running job, or for the unique_for of an earlier one): the number of that job. select orch.enqueue(''report'', ''for March'', priority => 5)';
