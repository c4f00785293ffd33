begin;
\ir support.inc
select * from no_plan();

-- What holds the one queued job of a task.
create function pg_temp.held(item text)
returns text language sql as $$
    select j.held from orch.jobs as j where j.task_id = orch.find_task(item) and j.status = 'queued'
$$;

-- P11: dependencies, without the serial gate in the way.
select orch.set_setting('serial_gate_enabled', 'off');
select pg_temp.board('i-1', 'to-analyse');
select pg_temp.board('i-2', 'to-analyse', seq => 8);
select pg_temp.deliver('task_start', '{"base": "b", "head": "h"}');
select is(pg_temp.held('SHOP-008'), null, 'P11 without a dependency it may run');
select orch.add_dep('SHOP-008', 'SHOP-007');
select is(pg_temp.held('SHOP-008'), 'dependency: waits for SHOP-007', 'P11 it waits for the other, and says so');
select is((select count(*) from orch.claim_jobs('n1', '00000000-0000-0000-0000-000000000001', 9) as c where c.work_item = 'SHOP-008'), 0::bigint, 'P11 no claim returns it');
select throws_ok($$select orch.add_dep('SHOP-007', 'SHOP-008')$$, 'OR422', 'task SHOP-007 cannot wait for SHOP-008: that is a cycle, SHOP-007 -> SHOP-008 -> SHOP-007', 'P11 a cycle is refused');
select is(orch.remove_dep('shop-008', 'shop-007'), 'shop-008 no longer waits for shop-007', 'P11 a dependency can be taken away');
select is(pg_temp.held('SHOP-008'), null, 'P11 and what only waited for it may run');
select is(orch.remove_dep('SHOP-008', 'SHOP-007'), 'SHOP-008 did not wait for SHOP-007', 'P11 what is not there is no failure');
select orch.add_dep('SHOP-008', 'SHOP-007');
select is((select s.result from orch.stop_task('SHOP-007') as s), 'cancelled', 'P11 the other is stopped');
select is(pg_temp.held('SHOP-008'), null, 'P11 the other is stopped: it may run');

-- P12: a freeze holds analysts, and lifting it is idempotent.
select is(orch.freeze('acme/shop', ' release week '), 'acme/shop takes no new tasks', 'P12 frozen');
select matches(pg_temp.held('SHOP-008'), '^frozen since .*: release week$', 'P12 a frozen repo takes no new task');
select is((select count(*) from orch.claim_jobs('n1', '00000000-0000-0000-0000-000000000001', 9)), 0::bigint, 'P12 no claim returns it');
select is(orch.freeze('acme/shop', 'again'), 'acme/shop is frozen already, by ' || session_user || ': release week', 'P12 frozen again changes nothing');
select throws_ok($$select orch.freeze('acme/nowhere', 'x')$$, 'OR404', 'repository "acme/nowhere" does not exist; accepted are acme/blog, acme/shop', 'P12 an unknown repository is named');
select throws_ok($$select orch.freeze('acme/shop', ' ')$$, 'OR422', null, 'P12 a freeze says why');
select is(orch.unfreeze('acme/shop'), 'acme/shop takes new tasks again', 'P12 lifted');
select is(orch.unfreeze('acme/shop'), 'acme/shop was not frozen', 'P12 lifted again changes nothing');
select is(pg_temp.held('SHOP-008'), null, 'P12 it may run');
select orch.stop_task('SHOP-008');

-- P8: the analysis of a third task is rejected more often than a task may return.
select pg_temp.board('i-3', 'to-analyse', seq => 9);
select pg_temp.deliver('branch_delete');
update orch.outbox set status = 'done', ended_at = now() where kind in ('archive', 'worktree_remove', 'branch_delete') and status = 'pending';
select pg_temp.deliver('task_start', '{"base": "b", "head": "h"}');
select orch.set_setting('max_stage_returns', '2');
select orch.reject('SHOP-009', 'once');
select orch.reject('SHOP-009', 'twice');
select is((select t.attention from orch.tasks as t where t.work_item = 'SHOP-009'), null, 'P8 a task may return');
select orch.reject('SHOP-009', 'thrice');
select is((select t.attention from orch.tasks as t where t.work_item = 'SHOP-009'), 'blocked', 'P8 after so many returns a person decides');
select matches((select t.attention_reason from orch.tasks as t where t.work_item = 'SHOP-009'), 'thrice', 'P8 with the last reason');
select is(orch.active_job(orch.find_task('SHOP-009')), null, 'P8 no new job');
select is((select count(*) from orch.outbox as o where o.task_id = orch.find_task('SHOP-009') and o.kind = 'alert'), 1::bigint, 'P8 one alert');

select * from finish();
rollback;
