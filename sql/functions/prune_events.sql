-- A delivery that moved a task stays as long as the task's history does.
create or replace function orch.prune_events(after_id bigint, at_most int, keep interval)
returns table (pruned int, last_id bigint, is_full boolean) language sql as $$
    with seen as materialized (
        select e.id, e.received_at from orch.events as e where e.id > after_id order by e.id limit at_most),
    old as (
        select s.id from seen as s
         where s.id < coalesce((select min(y.id) from seen as y where y.received_at >= now() - keep), 9223372036854775807)),
    gone as (
        delete from orch.events as e using old as o
         where e.id = o.id and e.next_try_at is null and e.status <> 'waiting'
           and not exists (select from orch.transitions as t where t.event_id = e.id)
        returning e.id)
    select (select count(*)::int from gone), (select max(o.id) from old as o), (select count(*) from old) = at_most
$$;
comment on function orch.prune_events(bigint, int, interval) is
    'One step of the walk through old deliveries: deletes those that are settled and are no part of a task''s history. Answers like orch.prune_jobs().';
