begin;
\ir support.inc
select * from no_plan();

-- S6: uncertainty counts as critical.
select pg_temp.drive('parked');
create function pg_temp.is_critical()
returns boolean language sql as $$ select orch.is_critical(t.id) from orch.tasks as t $$;
select ok(not pg_temp.is_critical(), 'S6 parked with the lease and nothing running is not critical');
savepoint parked;
set local client_min_messages = error;
alter table orch.deploys rename to deploys_away;
select ok(pg_temp.is_critical(), 'S6 a question that fails counts as critical');
alter table orch.deploys_away rename to deploys;
rollback to parked;

-- D7-3: the lease is held, and a job of the task runs, though no deploy has begun.
insert into orch.jobs (agent, repo, task_id, stage) select 'tester', t.repo, t.id, 'testing' from orch.tasks as t;
create temp table run as select pg_temp.claim() as id;
select orch.run_started(id, 4002, '1', 'boot', '/log') from run;
select ok(pg_temp.is_critical(), 'D7-3 the lease is held and a job runs: critical');
savepoint running;
select orch.end_job(j.id, 'cancelled', 'by hand') from orch.jobs as j where j.status = 'running';
select ok(pg_temp.is_critical(), 'S6 as long as its process is not known to have ended');
select is((select s.result from orch.stop_task('SHOP-007') as s), 'deferred', 'S6 so a STOP is deferred');
select pg_temp.finish((select id from run), 'stopped');
select is((select t.stage from orch.tasks as t), 'cancelled', 'S7 and applied in the transaction that closes the run');
rollback to running;
select is((select s.result from orch.stop_task('SHOP-007') as s), 'deferred', 'D7-3 deferred');
select is_empty($$select * from orch.runs_to_stop('n1')$$, 'D7-3 nothing is signalled');
select is(pg_temp.finish((select id from run), 'failed'), 'cancelled, cancelled', 'D7-3 applied when the job ends, which is not tried again');
select is_empty('select * from orch.merge_leases', 'D7-3 with the lease free');
rollback to parked;

-- M2: a deployer whose process ran, though the start could not be recorded, is not simply run again.
select pg_temp.confirm();
create temp table deployer as select pg_temp.claim() as id;
select ok(pg_temp.is_critical(), 'S6 between the claim and the record of its start a deploy is critical');
savepoint claimed;
select is(pg_temp.finish((select id from deployer), 'released', '{"started_at": "2026-03-01T10:00:00Z"}'), 'failed, development',
          'M2 released after its process ran: the deploy has failed');
rollback to claimed;
select is(pg_temp.finish((select id from deployer), 'released'), 'queued, deploy', 'Q7 released before there was a process: it is queued again');
select * from finish();
rollback;
