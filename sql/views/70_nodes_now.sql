drop view if exists orch.nodes_now;
create view orch.nodes_now as
select n.node, case when n.stopped_at is not null then 'stopped' when n.beat_at + n.lease < now() then 'gone' when n.is_draining then 'draining' else 'alive' end as state,
       now() - n.beat_at as age, n.slots, (select count(*) from orch.open_runs(n.node)) as running,
       n.pid, n.version, n.started_at, n.containment
  from orch.nodes as n order by n.node;
comment on view orch.nodes_now is 'Nodes and how they are.';
comment on column orch.nodes_now.node is 'Node.';
comment on column orch.nodes_now.state is 'alive, draining, gone or stopped.';
comment on column orch.nodes_now.age is 'Since the last heartbeat.';
comment on column orch.nodes_now.slots is 'Agents at once.';
comment on column orch.nodes_now.running is 'Open runs.';
comment on column orch.nodes_now.pid is 'Process on its host.';
comment on column orch.nodes_now.version is 'Version of orchd.';
comment on column orch.nodes_now.started_at is 'Start of the process.';
comment on column orch.nodes_now.containment is 'What holds the processes of a run: cgroup, or its warden alone; null = the node did not say.';
