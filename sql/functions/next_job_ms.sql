-- The index is ordered by priority first: one step for each priority in use, and none for the jobs between.
create or replace function orch.next_job_ms()
returns float8 language sql as $$
    with recursive step as (
        (select j.priority, j.run_at from orch.jobs as j where j.status = 'queued' and j.held is null
          order by j.priority desc, j.run_at, j.id limit 1)
        union all
        select n.priority, n.run_at from step as s cross join lateral (
            select j.priority, j.run_at from orch.jobs as j where j.status = 'queued' and j.held is null and j.priority < s.priority
             order by j.priority desc, j.run_at, j.id limit 1) as n)
    select greatest(extract(epoch from min(s.run_at) - clock_timestamp()) * 1000, 0)::float8 from step as s having count(*) > 0
$$;
comment on function orch.next_job_ms() is 'Milliseconds until the first job is due; 0 = one is; null = none waits for its time.';
