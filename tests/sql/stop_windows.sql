begin;
\ir support.inc
select * from no_plan();

-- The edges of the critical window, as tests/model found them.
select pg_temp.drive('parked');
select pg_temp.confirm();
create temp table run as select pg_temp.claim() as id;
savepoint claimed;
select is((select s.result from orch.stop_task('SHOP-007') as s), 'deferred', 'S6 a deploy that is only claimed yet is critical: its agent may have begun');
select is(pg_temp.finish((select id from run), 'ok', '{"started_at": "2026-01-01T10:00:00Z", "head": "h7", "evidence": {"14-deploy-log.md": {"deploy_status": "SUCCESS"}}}'),
          'done, deploy', 'S7 a deploy whose start could not be told, and that succeeded, is not cancelled');
select results_eq('select phase, initiated_at from orch.deploys', $$values ('B', '2026-01-01 10:00:00+00'::timestamptz)$$, 'M2 it had begun, and when');
select is(pg_temp.deliver('pull_merge', '{"merge_sha": "m1"}'), 1, 'S7 it is merged');
select results_eq('select stage, cancel_requested_at is null from orch.tasks', $$values ('done', true)$$, 'D7-6 and the STOP came too late');
rollback to claimed;
select is(pg_temp.finish((select id from run), 'released', '{"started_at": "2026-01-01T10:00:00Z"}'), 'failed, development',
          'M2 a deploy that broke half-way is not run again, also when its start could not be told');
rollback to claimed;
select is(pg_temp.finish((select id from run), 'released'), 'queued, deploy', 'Q7 one that was never started is');
rollback to claimed;

select orch.run_started(id, 4001, '1', 'boot', '/log') from run;
select pg_temp.finish(id, 'ok', '{"head": "h7", "evidence": {"14-deploy-log.md": {"deploy_status": "SUCCESS"}}}') from run;
select throws_ok($$select orch.retry_job(max(j.id)) from orch.jobs as j$$, 'OR409', null, 'M2 no second deployer runs while the merge is made');
select is((select count(orch.effect_failed(e.effect_id, e.token, 'head moved', null, true) is null) from orch.claim_effects('n1', 100) as e where e.kind = 'pull_merge'),
          1::bigint, 'M3 the merge is refused');
select is(pg_temp.stage(), 'development', 'M3 and the task goes back');
select matches((select orch.retry_effect(o.id) from orch.outbox as o where o.kind = 'pull_merge'), 'no longer wanted.*development', 'M3 a merge that gave up is not tried again behind the gates');
select is((select o.status from orch.outbox as o where o.kind = 'pull_merge'), 'dead', 'M3 and stays dead');
select * from finish();
rollback;
