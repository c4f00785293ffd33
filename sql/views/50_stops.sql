drop view if exists orch.stops;
create view orch.stops as
select t.id,
       case when t.stage <> 'cancelled' then 'deferred'
            else coalesce((array['stopping', 'needs a hand', 'cleaning'])[l.rank], 'clean') end as state,
       now() - coalesce(t.cancelled_at, t.cancel_requested_at) as age,
       orch.original_key(t.work_item) as work_item, t.cancel_actor as asked_by, t.cancel_via as door, t.cancel_reason as reason,
       (select x.from_stage from orch.transitions as x where x.task_id = t.id and x.to_stage = 'cancelled') as was_in,
       s.runs, s.processes, s.to_term, s.to_gone,
       (select string_agg(o.kind || ' ' || o.status || coalesce(' (' || o.last_error || ')', ''), ', ' order by o.id) from orch.outbox as o
         where o.task_id = t.id and o.kind in ('archive', 'worktree_remove', 'branch_delete')) as clean_up,
       case when t.stage <> 'cancelled'
            then coalesce(orch.critical_reason(t.id), 'the next sweep: what it waited for has ended')
            else l.what end as waits_for
  from orch.tasks as t
  left join lateral (select count(*) as runs, sum(r.tree_size) as processes, max(r.term_at - r.stop_at) as to_term, max(r.gone_at - r.stop_at) as to_gone
                       from orch.agent_runs as r where r.task_id = t.id and r.stop_at is not null) as s on true
  left join lateral (select k.rank, k.what from orch.outstanding(t.id) as k order by k.rank, k.nr limit 1) as l on true
 where (t.cancelled_at is not null or t.cancel_requested_at is not null) and (t.finished_at is null or t.stage = 'cancelled')
 order by coalesce(t.cancelled_at, t.cancel_requested_at) desc;
comment on view orch.stops is 'Every STOP: by whom through which door, what it stopped and how fast, and what of the clean-up is outstanding.';
comment on column orch.stops.id is 'Task.';
comment on column orch.stops.state is 'deferred, stopping (a process may still be there), needs a hand (a clean-up effect is dead), cleaning or clean.';
comment on column orch.stops.age is 'Since it took effect, or was asked for.';
comment on column orch.stops.work_item is 'Work item.';
comment on column orch.stops.asked_by is 'Who asked.';
comment on column orch.stops.door is 'board, http, orchctl or psql.';
comment on column orch.stops.reason is 'Why.';
comment on column orch.stops.was_in is 'Stage in which the task was.';
comment on column orch.stops.runs is 'Runs that were stopped.';
comment on column orch.stops.processes is 'Processes that they consisted of.';
comment on column orch.stops.to_term is 'From when the STOP was heard of, or a deferred one applied, to SIGTERM; of the slowest run.';
comment on column orch.stops.to_gone is 'From the same moment to the last process gone; of the slowest run.';
comment on column orch.stops.clean_up is 'Archive, worktree and branch: what is done and what is not.';
comment on column orch.stops.waits_for is 'What comes before the next state, and who has to do it: a deploy, a node, an effect, or you.';
