-- The hot door: one insert for a job without a key, and no look at settings unless they are needed. What blocks the job is the claim's
-- business. The ring comes after the insert, whenever the job is due: a node that sleeps until the next due job must learn of an earlier one.
create or replace function orch.enqueue(
    agent text, content text default '', repo text default null, priority int default 0, run_at timestamptz default now(),
    max_attempts int default null, unique_key text default null, tags text[] default '{}',
    unique_for interval default null, limit_key text default null)
returns bigint language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
    new_id  bigint;
    problem text := orch.job_problem(agent, repo, run_at, max_attempts, unique_key, tags, unique_for, limit_key);
begin
    if problem is not null then
        raise exception '%', problem using errcode = 'OR422';
    end if;
    -- The usual answer of check_agent() is given here: a call costs as much again.
    if not exists (select from orch.nodes as n where n.stopped_at is null and enqueue.agent = any (n.agents)) then
        perform orch.check_agent(agent);
    end if;
    content := coalesce(content, '');
    priority := coalesce(priority, 0);
    run_at := coalesce(run_at, now());
    tags := coalesce(tags, '{}');
    if max_attempts is null then
        select coalesce(s.override, s.published)::int into max_attempts from orch.settings as s where s.name = 'max_attempts';
    end if;
    if unique_key is null then
        insert into orch.jobs (agent, content, repo, priority, run_at, max_attempts, tags, limit_key)
        values (enqueue.agent, enqueue.content, enqueue.repo, enqueue.priority, enqueue.run_at, enqueue.max_attempts, enqueue.tags, enqueue.limit_key)
        returning id into new_id;
    else
        new_id := orch.enqueue_keyed(nextval('orch.jobs_id_seq'), agent, content, repo, priority, run_at, max_attempts, unique_key, tags,
                                     unique_for, limit_key);
    end if;
    perform orch.wake_nodes();
    return new_id;
end
$$;
comment on function orch.enqueue(text, text, text, int, timestamptz, int, text, text[], interval, text) is
    'Queues a job in the caller''s own transaction and answers its number. With a unique_key that is taken (by a queued or running job, or for the unique_for of an earlier one): the number of that job. select orch.enqueue(''report'', ''for March'', priority => 5)';
