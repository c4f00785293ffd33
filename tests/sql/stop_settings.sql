begin;
\ir support.inc
select * from no_plan();

create temp table run as select pg_temp.drive('architecture') as id;
select orch.set_setting('stop_status_enabled', 'off');
select matches(pg_temp.board('i-1', 'stop'), 'disabled: STOP is switched off', 'S10 off: STOP does nothing');
select is(pg_temp.stage(), 'architecture', 'S10 nothing happened');
select is(pg_temp.finish((select id from run), 'failed'), 'queued, architecture', 'the job goes on');
select orch.cancel_job(j.id) from orch.jobs as j where j.status = 'queued';
select matches(pg_temp.board('i-1', 'to-analyse'), 'the stage''s agent runs again', 'S10 off: the old relaunch');
select orch.set_setting('stop_status_enabled', null);
select orch.set_setting('stop_status_repos', 'blog');
select matches(pg_temp.board('i-1', 'stop'), 'not in force for acme/shop', 'S10 out of scope');
select orch.set_setting('stop_status_repos', 'shop, blog');
select matches(pg_temp.board('i-1', 'todo'), 'starts nothing', 'B3 back to Todo');
select matches(pg_temp.board('i-1', 'stop'), 'cancelled: ', 'S10 in scope it works');
select throws_ok($$select orch.set_setting('stop_status_enabled', 'perhaps')$$, 'OR422', null, 'C2 a wrong value is refused');
select throws_ok($$select orch.set_setting('nonsense', '1')$$, 'OR404', null, 'C2 an unknown setting is refused');
select * from finish();
rollback;
