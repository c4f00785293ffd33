begin;
\ir support.inc
select * from no_plan();

select is(pg_temp.drive('parked'), null, 'parked for Confirm Deploy');
select ok(not orch.is_critical((select t.id from orch.tasks as t)), 'S6 parked with the lease and nothing running is not critical');
select is((select s.result from orch.stop_task('SHOP-007') as s), 'cancelled', 'D7-2 full reset at once');
select is_empty('select * from orch.merge_leases', 'D7-2 the lease is free');
select results_eq('select phase, verdict from orch.deploys', $$values ('C', 'CANCELLED')$$, 'D7-2 the deploy is closed');
select * from finish();
rollback;
