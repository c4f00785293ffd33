drop view if exists orch.active;
create view orch.active as
select t.id, t.stage as state, now() - t.created_at as age, t.work_item, t.title, t.repo, r.node, r.pid, now() - r.started_at as running, w.why
  from orch.tasks as t
  join orch.why as w on w.task_id = t.id
  left join lateral (select * from orch.agent_runs as a where a.task_id = t.id and a.ended_at is null order by a.id desc limit 1) as r on true
 order by t.id;
comment on view orch.active is 'Unfinished tasks: where they are, what runs for them, and why they are not further.';
comment on column orch.active.id is 'Task.';
comment on column orch.active.state is 'Stage.';
comment on column orch.active.age is 'Since the task began.';
comment on column orch.active.work_item is 'Work item.';
comment on column orch.active.title is 'Title.';
comment on column orch.active.repo is 'Repository.';
comment on column orch.active.node is 'Node of the open run.';
comment on column orch.active.pid is 'Process at the root of its tree.';
comment on column orch.active.running is 'For how long it has been running.';
comment on column orch.active.why is 'Why the task is not further.';
