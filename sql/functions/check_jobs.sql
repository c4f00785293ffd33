-- One pass for a good array; only a wrong one is searched job by job, member by member, for what to blame.
create or replace function orch.check_jobs(jobs jsonb)
returns void language plpgsql stable as $$
declare
    members  constant text[] := array['agent', 'content', 'repo', 'priority', 'run_at', 'max_attempts', 'unique_key', 'tags', 'unique_for', 'limit_key'];
    position bigint;
    job      jsonb;
    problem  text;
begin
    if jobs is null or jsonb_typeof(jobs) <> 'array' then
        raise exception 'jobs is %: accepted is an array of objects', coalesce(jsonb_typeof(jobs), 'null') using errcode = 'OR422';
    end if;
    begin
        select n.position, orch.job_problem(n.agent, n.repo, n.run_at, n.max_attempts, n.unique_key, n.tags, n.unique_for, n.limit_key)
          into position, problem
          from rows from (jsonb_array_elements(jobs),
                          jsonb_to_recordset(jobs) as (agent text, repo text, priority int, run_at timestamptz, max_attempts int,
                                                       unique_key text, tags text[], unique_for interval, limit_key text))
            with ordinality as n (job, agent, repo, priority, run_at, max_attempts, unique_key, tags, unique_for, limit_key, position)
         where n.job - members <> '{}'
            or orch.job_problem(n.agent, n.repo, n.run_at, n.max_attempts, n.unique_key, n.tags, n.unique_for, n.limit_key) is not null
         order by n.position limit 1;
    exception when data_exception then
        position := 1; -- A value that is not of its type: the first job that is wrong in any way is looked for from the start.
    end;
    while position is not null loop
        job := jobs -> position::int - 1;
        exit when job is null;
        problem := orch.member_problem(job, members);
        if problem is not null then
            raise exception 'job %: %', position, problem using errcode = 'OR422';
        end if;
        position := position + 1;
    end loop;
end
$$;
comment on function orch.check_jobs(jsonb) is 'Refuses an array for orch.enqueue_many() with OR422, and names the first job that is wrong, and why.';
