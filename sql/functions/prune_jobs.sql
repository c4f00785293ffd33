-- What ended is pruned at the age of its end, and rows come in the order of their birth: whoever was born in the last hours before the limit
-- is left to a later round, so that short lives are not passed by. What is passed by is found by the next walk from the start.
create or replace function orch.prune_jobs(after_id bigint, at_most int, keep interval, slack interval)
returns table (pruned int, last_id bigint, is_full boolean) language sql as $$
    with seen as materialized (
        select j.id, j.created_at, j.finished_at < now() - keep and j.task_id is null as is_over
          from orch.jobs as j where j.id > after_id order by j.id limit at_most),
    old as (
        select s.id, s.is_over from seen as s
         where s.id < coalesce((select min(y.id) from seen as y where y.created_at >= now() - keep - slack), 9223372036854775807)),
    gone as (
        delete from orch.jobs as j using old as o
         where j.id = o.id and o.is_over and j.finished_at < now() - keep
           and not exists (select from orch.agent_runs as r where r.job_id = j.id and r.ended_at is null)
        returning j.id)
    select (select count(*)::int from gone), (select max(o.id) from old as o), (select count(*) from old) = at_most
$$;
comment on function orch.prune_jobs(bigint, int, interval, interval) is
    'One step of the walk through old jobs: deletes those without a task that ended long ago, with their runs. last_id: how far it came, null = nothing was old; is_full: more may follow.';
