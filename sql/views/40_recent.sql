drop view if exists orch.recent;
create view orch.recent as
select r.id, r.outcome as state, now() - r.ended_at as age, r.agent, orch.original_key(t.work_item) as work_item, r.stage, r.node, r.attempt,
       r.ended_at - r.started_at as took, coalesce('exit ' || r.exit_status, 'signal ' || r.signal) as ended_by, r.cost_usd, r.message, r.log_path
  from orch.agent_runs as r left join orch.tasks as t on t.id = r.task_id
 where r.ended_at is not null
 order by r.ended_at desc, r.id desc;
comment on view orch.recent is 'Ended runs, newest first. select * from orch.recent limit 20';
comment on column orch.recent.id is 'Run.';
comment on column orch.recent.state is 'Outcome.';
comment on column orch.recent.age is 'Since it ended.';
comment on column orch.recent.agent is 'Agent.';
comment on column orch.recent.work_item is 'Work item of its task.';
comment on column orch.recent.stage is 'Stage that it served.';
comment on column orch.recent.node is 'Node.';
comment on column orch.recent.attempt is 'Which attempt of its job.';
comment on column orch.recent.took is 'How long the process ran.';
comment on column orch.recent.ended_by is 'Exit status or signal.';
comment on column orch.recent.cost_usd is 'Cost in US dollars.';
comment on column orch.recent.message is 'What it said, or why it failed.';
comment on column orch.recent.log_path is 'Its log, on its node.';
