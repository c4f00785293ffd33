-- All or nothing. The numbers are taken first, in the order of the array, so that jobs of one time and priority run in that order, whatever
-- the order of the inserts. Jobs with a key go one by one, sorted by key: two callers with the same keys wait for each other, not in a circle.
create or replace function orch.put_jobs(jobs jsonb)
returns setof bigint language plpgsql as $$
declare
    ids      bigint[];
    answers  bigint[];
    attempts int;
    keyed    record;
begin
    perform orch.check_jobs(jobs);
    perform orch.check_agent(a.agent) from (select distinct n.agent from jsonb_to_recordset(jobs) as n (agent text)) as a;
    ids := array(select nextval('orch.jobs_id_seq') from generate_series(1, jsonb_array_length(jobs)));
    answers := ids;
    attempts := orch.setting('max_attempts')::int;
    insert into orch.jobs (id, agent, content, repo, priority, run_at, max_attempts, tags, limit_key) overriding system value
    select n.id, n.agent, coalesce(n.content, ''), n.repo, coalesce(n.priority, 0), coalesce(n.run_at, now()), coalesce(n.max_attempts, attempts),
           coalesce(n.tags, '{}'), n.limit_key
      from rows from (unnest(ids),
                      jsonb_to_recordset(jobs) as (agent text, content text, repo text, priority int, run_at timestamptz, max_attempts int,
                                                   unique_key text, tags text[], unique_for interval, limit_key text))
        as n (id, agent, content, repo, priority, run_at, max_attempts, unique_key, tags, unique_for, limit_key)
     where n.unique_key is null;
    for keyed in
        select n.* from rows from (unnest(ids),
                                   jsonb_to_recordset(jobs) as (agent text, content text, repo text, priority int, run_at timestamptz,
                                                                max_attempts int, unique_key text, tags text[], unique_for interval, limit_key text))
          with ordinality as n (id, agent, content, repo, priority, run_at, max_attempts, unique_key, tags, unique_for, limit_key, position)
         where n.unique_key is not null order by n.unique_key, n.position
    loop
        answers[keyed.position] := orch.enqueue_keyed(
            keyed.id, keyed.agent, coalesce(keyed.content, ''), keyed.repo, coalesce(keyed.priority, 0), coalesce(keyed.run_at, now()),
            coalesce(keyed.max_attempts, attempts), keyed.unique_key, coalesce(keyed.tags, '{}'), keyed.unique_for, keyed.limit_key);
    end loop;
    if jobs <> '[]' then
        perform orch.wake_nodes();
    end if;
    return query select a.id from unnest(answers) as a (id);
end
$$;
comment on function orch.put_jobs(jsonb) is 'Queues jobs for orch.enqueue_many(); who may call it may enqueue.';
