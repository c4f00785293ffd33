-- What STOP has to remember: when it was heard of, and what held the processes that it ended.
alter table orch.tasks add column cancel_heard_at timestamptz;
comment on column orch.tasks.cancel_heard_at is 'When the STOP reached orchd: the last byte of the delivery or the request, or the call; null = never.';

alter table orch.agent_runs add column cgroup text;
comment on column orch.agent_runs.cgroup is 'Control group that held the run''s processes; null = its warden alone watched them.';

alter table orch.nodes add column containment text;
comment on column orch.nodes.containment is 'What holds the processes of a run on this node: cgroup or warden; null = the node did not say.';
