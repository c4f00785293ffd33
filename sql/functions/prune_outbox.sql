create or replace function orch.prune_outbox(after_id bigint, at_most int, keep interval, slack interval)
returns table (pruned int, last_id bigint, is_full boolean) language sql as $$
    with seen as materialized (
        select o.id, o.created_at from orch.outbox as o where o.id > after_id order by o.id limit at_most),
    old as (
        select s.id from seen as s
         where s.id < coalesce((select min(y.id) from seen as y where y.created_at >= now() - keep - slack), 9223372036854775807)),
    gone as (
        delete from orch.outbox as o using old as x
         where o.id = x.id and o.ended_at < now() - keep
           and (o.status <> 'dead' or not exists (select from orch.tasks as t where t.id = o.task_id and t.finished_at is null))
        returning o.id)
    select (select count(*)::int from gone), (select max(x.id) from old as x), (select count(*) from old) = at_most
$$;
comment on function orch.prune_outbox(bigint, int, interval, interval) is
    'One step of the walk through old effects: deletes those that ended long ago; a dead one stays while its task is unfinished. Answers like orch.prune_jobs().';
