begin;
\ir support.inc
select * from no_plan();

select orch.enqueue('a', 'low');
select orch.enqueue('a', 'high', priority => 5);
select orch.enqueue('a', 'later', run_at => now() + interval '1 hour');
select is((select count(*) from orch.claim_jobs('n1', '00000000-0000-0000-0000-000000000001', 1) as c where c.content = 'high'), 1::bigint, 'Q2 by priority');
select is((select count(*) from orch.claim_jobs('n1', '00000000-0000-0000-0000-000000000001', 9)), 1::bigint, 'Q2 then by time, and nothing that is not due');
select is(orch.enqueue('a', unique_key => 'k'), orch.enqueue('a', unique_key => 'k'), 'Q8 a unique key gives one job');
select throws_ok($$select orch.enqueue('no such; name')$$, 'OR422', null, 'Q8 a wrong agent name is refused');
select throws_ok($$select * from orch.claim_jobs('n1', '00000000-0000-0000-0000-000000000009', 1)$$, 'OR410', null, 'Q4 a replaced node claims nothing');
select is((select j.status from orch.jobs as j where j.content = 'high'), 'running', 'Q1 running');
select is((select f.job_status from orch.finish_run((select j.run_id from orch.jobs as j where j.content = 'high'), 'transient', '{"error": "429"}') as f), 'queued', 'Q5 transient: queued again');
select is((select j.attempts from orch.jobs as j where j.content = 'high'), 0, 'Q5 and no attempt is used');
update orch.nodes set beat_at = now() - interval '1 hour' where node = 'n1';
select ok(orch.reap() > 0, 'L1 a gone node is reaped');
select is((select count(*) from orch.jobs as j where j.status = 'running'), 0::bigint, 'Q6 its jobs are queued again');
select is((select count(*) from orch.agent_runs as r where r.outcome = 'lost'), 1::bigint, 'Q6 its run is closed as lost');

-- P12: the second task of a repository waits for the first.
select pg_temp.board('i-1', 'to-analyse');
select pg_temp.board('i-2', 'to-analyse', seq => 8);
select pg_temp.board('i-3', 'to-analyse', seq => 3, project => 'p-2');
update orch.board_issues set state_id = null where issue_id = 'i-3';
select pg_temp.deliver('task_start', '{"base": "b", "head": "h"}');
select is((select j.held from orch.jobs as j join orch.tasks as t on t.id = j.task_id where t.work_item = 'SHOP-008'), 'serial gate: SHOP-007 is unfinished', 'P12 serial gate');
select orch.stop_task('SHOP-007');
select is((select j.held from orch.jobs as j join orch.tasks as t on t.id = j.task_id where t.work_item = 'SHOP-008'), null, 'X-2 the first is stopped: the second may run');
select * from finish();
rollback;
