drop view if exists orch.dead_effects;
create view orch.dead_effects as
select o.id, o.kind as state, now() - o.ended_at as age, orch.original_key(t.work_item) as work_item, o.attempts, o.last_error,
       format('select orch.retry_effect(%s)', o.id) as again
  from orch.outbox as o left join orch.tasks as t on t.id = o.task_id
 where o.status = 'dead' order by o.id;
comment on view orch.dead_effects is 'Effects that gave up, why, and the line that tries again.';
comment on column orch.dead_effects.id is 'Effect.';
comment on column orch.dead_effects.state is 'What was to be done.';
comment on column orch.dead_effects.age is 'Since it gave up.';
comment on column orch.dead_effects.work_item is 'Work item.';
comment on column orch.dead_effects.attempts is 'Attempts made.';
comment on column orch.dead_effects.last_error is 'Why the last one failed.';
comment on column orch.dead_effects.again is 'Line for psql that tries again.';
