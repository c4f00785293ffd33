-- The state of a queue that has a past: finished jobs, a backlog, jobs that a rule holds and jobs for later. psql sets queued, held, finished, later.
-- Those that are held have the words of a pause, but there is no pause: an empty queue, with which this is compared, has none either.
insert into orch.jobs (agent, content, status, attempts, run_id, node, created_at, run_at, started_at, finished_at)
select 'noop', 'x', 'done', 1, nextval('orch.agent_runs_id_seq'), 'bench', t.at, t.at, t.at, t.at + interval '1 second'
  from (select now() - interval '30 days' + interval '30 days' * n / :finished as at from generate_series(1, :finished) as g (n)) as t;
insert into orch.jobs (agent, content, run_at)
select 'noop', 'x', now() + interval '1 day' + n * interval '1 second' from generate_series(1, :later) as g (n);
insert into orch.jobs (agent, content, priority, held, held_by)
select 'held', 'x', 10, 'agent "held" is paused', 'pause agent held' from generate_series(1, :held) as g (n);
insert into orch.jobs (agent, content) select 'noop', 'x' from generate_series(1, :queued) as g (n);
