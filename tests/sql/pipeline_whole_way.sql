begin;
\ir support.inc
select * from no_plan();

select is(pg_temp.drive('done'), null, 'P1 the whole way');
select is(pg_temp.stage(), 'done', 'P1 to done');
select results_eq('select x.to_stage from orch.transitions as x order by x.id',
                  $$select s.stage from orch.stages as s where s.stage <> 'cancelled' order by s.position$$, 'P10 every stage is a transition');
select is_empty('select * from orch.merge_leases', 'M1 the lease is free again');
select matches(pg_temp.board('i-1', 'to-analyse'), 'to start over', 'P5 To Analyse on a finished task starts nothing');
select is((select count(*) from orch.jobs as j where j.status in ('queued', 'running')), 0::bigint, 'P5 no job');

select * from finish();
rollback;
