drop view if exists orch.queue;
create view orch.queue as
select j.id, case when j.held is not null then 'held' when j.run_at > now() then 'later' else 'ready' end as state, now() - j.created_at as age,
       j.agent, orch.original_key(t.work_item) as work_item, j.repo, j.priority, j.attempts || '/' || j.max_attempts as attempts,
       coalesce(j.held, case when j.run_at > now() then coalesce('retry at ' || to_char(j.run_at, 'HH24:MI:SS') || ': ' || j.error, 'starts at ' || to_char(j.run_at, 'YYYY-MM-DD HH24:MI:SS')) else orch.not_taken(j.agent) end) as why
  from orch.jobs as j left join orch.tasks as t on t.id = j.task_id
 where j.status = 'queued'
 order by j.held is not null, j.priority desc, j.run_at, j.id;
comment on view orch.queue is 'Queued jobs in the order in which they will be claimed, and why those that wait do.';
comment on column orch.queue.id is 'Job.';
comment on column orch.queue.state is 'ready, later or held.';
comment on column orch.queue.age is 'Since it was enqueued.';
comment on column orch.queue.agent is 'Agent.';
comment on column orch.queue.work_item is 'Work item of its task.';
comment on column orch.queue.repo is 'Repository.';
comment on column orch.queue.priority is 'Higher runs first.';
comment on column orch.queue.attempts is 'Used and allowed.';
comment on column orch.queue.why is 'Why it waits; null = it does not.';
