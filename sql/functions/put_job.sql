-- Behind the door orch.enqueue(), which has asked who is calling: one insert for a job without a key, and no look at settings unless they are
-- needed. What blocks the job is the claim's business. The ring comes after the insert, whenever the job is due: a node that sleeps until the
-- next due job must learn of an earlier one.
create or replace function orch.put_job(
    agent text, content text, repo text, priority int, run_at timestamptz, max_attempts int, unique_key text, tags text[],
    unique_for interval, limit_key text)
returns bigint language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
    new_id  bigint;
    problem text := orch.job_problem(agent, repo, run_at, max_attempts, unique_key, tags, unique_for, limit_key);
begin
    if problem is not null then
        raise exception '%', problem using errcode = 'OR422';
    end if;
    -- The usual answer of check_agent() is given here: a call costs as much again.
    if not exists (select from orch.nodes as n where n.stopped_at is null and put_job.agent = any (n.agents)) then
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
        values (put_job.agent, put_job.content, put_job.repo, put_job.priority, put_job.run_at, put_job.max_attempts, put_job.tags, put_job.limit_key)
        returning id into new_id;
    else
        new_id := orch.enqueue_keyed(nextval('orch.jobs_id_seq'), agent, content, repo, priority, run_at, max_attempts, unique_key, tags,
                                     unique_for, limit_key);
    end if;
    perform orch.wake_nodes();
    return new_id;
end
$$;
comment on function orch.put_job(text, text, text, int, timestamptz, int, text, text[], interval, text) is 'Queues a job for orch.enqueue(); who may call it may enqueue.';
