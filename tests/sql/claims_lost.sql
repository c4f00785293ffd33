begin;
\ir support.inc
select * from no_plan();
create function pg_temp.open()
returns text language sql as $$ select string_agg(r.node || ' ' || coalesce(r.outcome, 'open'), ', ' order by r.id) from orch.agent_runs as r $$;

-- Claims of which no process was told.
select pg_temp.board('i-1', 'to-analyse');
select pg_temp.deliver('task_start', '{"base": "b0", "head": "h0"}');
create temporary table run as select pg_temp.claim() as id;
savepoint claimed;

select orch.disown_runs('n1', '00000000-0000-0000-0000-000000000001', array(select id from run));
select is(pg_temp.open(), 'n1 open', 'Q6 what a node holds stays its own');
select is(orch.disown_runs('n1', '00000000-0000-0000-0000-000000000001', '{}'), 1, 'Q6 what it does not hold is given back');
select is(pg_temp.open(), 'n1 released', 'Q6 without an attempt');

rollback to claimed;
select orch.node_start('n1', '00000000-0000-0000-0000-0000000000aa', 101, 4, 'test', '30 s');
select is(orch.disown_runs('n1', '00000000-0000-0000-0000-0000000000aa', '{}'), 1, 'Q7 so is a claim of the life before, that was committed late');
select is((select j.status from orch.jobs as j), 'queued', 'Q7 and its job waits for nobody');

rollback to claimed;
select orch.run_started(id, 4000, '1', 'boot', '/log') from run;
select orch.node_start('n1', '00000000-0000-0000-0000-0000000000aa', 101, 4, 'test', '30 s');
select is(orch.disown_runs('n1', '00000000-0000-0000-0000-0000000000aa', '{}'), 0, 'Q7 but nothing that has a process: that one is stopped first');

rollback to claimed;
update orch.agent_runs set claimed_at = now() - interval '29 minutes';
select orch.reap();
select is(pg_temp.open(), 'n1 open', 'L1 a claim may be prepared for long');
update orch.agent_runs set claimed_at = now() - interval '31 minutes';
select orch.reap();
select is(pg_temp.open(), 'n1 lost', 'L1 but not for ever');

rollback to claimed;
select orch.set_setting('start_within', '10 s');
update orch.agent_runs set claimed_at = now() - interval '11 s';
select orch.reap();
select is(pg_temp.open(), 'n1 lost', 'L1 how long is a setting');

select * from finish();
rollback;
