begin;
\ir support.inc
select * from no_plan();

select matches(pg_temp.board('i-1', 'to-analyse'), '^routed: started', 'P4 To Analyse on an unknown issue starts a task');
select is(pg_temp.board('i-1', 'to-analyse', field => 'sort_order'), 'ignored: the status has not changed', 'B4 the second delivery of a drag changes nothing');
select is((select count(*) from orch.tasks), 1::bigint, 'P4 one task');
select is((select t.branch from orch.tasks as t), 'feature/SHOP-007-add-a-cart', 'P4 branch name');
select is((select count(*) from orch.jobs), 0::bigint, 'P4 no job before the branch exists');
select is(pg_temp.deliver('task_start', '{"base": "b0", "head": "h0"}'), 1, 'P4 the branch is made by an effect');
select is(pg_temp.stage(), 'analysis', 'P4 then the analysis begins');
select results_eq('select agent, status from orch.jobs', $$values ('analyst', 'queued')$$, 'P4 with an analyst job');

select * from finish();
rollback;
