begin;
\ir support.inc
select * from no_plan();

create temp table run as select pg_temp.drive('deploy') as id;
select ok(orch.is_critical((select t.id from orch.tasks as t)), 'S6 a deploy that has begun is critical');
select is((select s.result from orch.stop_task('SHOP-007', 'wrong one') as s), 'deferred', 'S7 STOP is deferred');
select is((select s.result from orch.stop_task('SHOP-007') as s), 'already_pending', 'D7-4 again: already pending');
select is((select count(*) from orch.outbox as o where o.kind = 'alert'), 1::bigint, 'D7-4 one alert');
select is_empty($$select * from orch.runs_to_stop('n1')$$, 'D7-1 the actor is not touched');
select is(orch.sweep_cancels(), 0, 'S7 the sweeper leaves a critical one');
savepoint deploy_runs;
select is(pg_temp.finish((select id from run), 'failed', '{"exit_status": 1, "error": "hook failed"}'), 'failed, cancelled', 'D7-5 the hook fails: cancelled');
select is_empty('select * from orch.merge_leases', 'D7-5 the lease is free');
select results_eq('select phase, verdict from orch.deploys', $$values ('C', 'FAILED')$$, 'D7-5 the deploy has failed');
rollback to deploy_runs;
select is(pg_temp.finish((select id from run), 'ok', '{"head": "h7", "evidence": {"14-deploy-log.md": {"deploy_status": "SUCCESS"}}}'), 'done, deploy', 'D7-6 the hook succeeds');
select ok(orch.is_critical((select t.id from orch.tasks as t)), 'S6 still critical until it is merged');
select is(pg_temp.deliver('pull_merge', '{"merge_sha": "m1"}'), 1, 'D7-6 the merge verifies');
select results_eq('select stage, cancel_requested_at is null from orch.tasks', $$values ('done', true)$$, 'D7-6 done, and the request is cleared');
select matches((select o.payload ->> 'text' from orch.outbox as o where o.kind = 'alert' order by o.id desc limit 1), 'too late', 'D7-6 reported as too late');
select is((orch.report_stop() ->> 'deferred_pending')::int, 0, 'D7-6 nothing is pending');
rollback to deploy_runs;

-- D7-7: the window closed where nobody was there to apply the STOP.
update orch.deploys set phase = 'C', finished_at = now(), verdict = 'FAILED';
delete from orch.merge_leases;
select is(orch.sweep_cancels(), 1, 'D7-7 the sweeper applies what nobody did');
select results_eq('select stage, cancelled_at is not null from orch.tasks', $$values ('cancelled', true)$$, 'D7-7 in one sweep');
select results_eq($$select r.run_id from orch.runs_to_stop('n1') as r$$, 'select id from run', 'D7-7 and what still ran is stopped');
select is((orch.report_stop() ->> 'deferred_pending')::int, 0, 'D7-7 nothing is pending');
select is(orch.sweep_cancels(), 0, 'D7-7 once');
select * from finish();
rollback;
