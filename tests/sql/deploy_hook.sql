-- M2: a deploy whose hook runs detached.
begin;
\ir support.inc
select * from no_plan();
create function pg_temp.deployer() returns bigint language plpgsql as $$
begin
    perform pg_temp.drive('parked');
    perform pg_temp.confirm();
    return pg_temp.claim();
end
$$;
create function pg_temp.detach(run bigint) returns boolean language sql as $$
    select orch.run_detaches(run, (select r.job_id from orch.agent_runs as r where r.id = run), 'boot', '/log', '10 min')
$$;
create function pg_temp.phase() returns text language sql as $$ select d.phase from orch.deploys as d order by d.id desc limit 1 $$;

select pg_temp.deployer() as run \gset
savepoint claimed;
select is(pg_temp.phase(), 'A', 'M2 a claim alone begins nothing');
select ok(pg_temp.detach(:run), 'M2 a confirmed deploy may begin');
select is(pg_temp.phase(), 'B', 'M2 and counts as begun before its hook is started');
select ok(pg_temp.detach(:run), 'M2 told again, because an answer was lost, it is the same');
select is((select s.result from orch.stop_task('SHOP-007') as s), 'deferred', 'D7-1 a STOP waits for it');
select throws_ok(format('select orch.cancel_job(%s)', (select r.job_id from orch.agent_runs as r where r.id = :run)), 'OR409', null,
                 'S7 and nobody cancels its job');
rollback to claimed;
update orch.deploys set confirmed_at = null;
select ok(not pg_temp.detach(:run), 'M2 what is not confirmed is not begun');
rollback to claimed;
update orch.jobs set status = 'cancelled', finished_at = now() where status = 'running';
select ok(not pg_temp.detach(:run), 'M2 nor what is no longer wanted');
rollback to claimed;

-- What it leaves.
select pg_temp.detach(:run);
savepoint begun;
select is(pg_temp.finish(:run, 'ok', '{"evidence": {"hook": {"exit_status": 0}}}'), 'done, deploy', 'M2 exit status 0 opens the gate without a verdict file');
select is((select o.payload ->> 'head' from orch.outbox as o where o.kind = 'pull_merge'), 'h6', 'M3 what was deployed is merged');
select is((select t.files from orch.tasks as t), (select t.stage_files from orch.tasks as t), 'G1 what is known of the verdict files stays');
rollback to begun;
select is(pg_temp.finish(:run, 'failed', '{"error": "the deploy hook failed: exit status 3", "log": "line one\nno space left"}'), 'failed, development',
          'M2 any other sends the task back');
select matches((select j.content from orch.jobs as j where j.status = 'queued'), 'the deploy hook failed: exit status 3.*The end of its log:\nline one\nno space left$',
               'M2 with its log in the next job''s content');
select is_empty('select from orch.merge_leases', 'M3 and the lease is free');
rollback to begun;
select is(pg_temp.finish(:run, 'released', '{}'), 'failed, development', 'M2 a begun deploy is never simply run again');
rollback to begun;
select is(pg_temp.finish(:run, 'ok', '{"evidence": {"hook": {"exit_status": 1}}}'), 'failed, development', 'G2 an exit status that is not 0 is never a pass');
rollback to begun;

-- The node that runs it goes.
select is((select l.is_detached from orch.leftover_runs('n1') as l), null, 'Q7 it is no leftover of this start');
select orch.node_start('n1', '00000000-0000-0000-0000-00000000000a', 101, 4, 'test', '30 s');
select results_eq('select l.is_detached, l.agent, l.repo, l.work_item from orch.leftover_runs(''n1'') as l',
                  $$values (true, 'deployer', 'acme/shop', 'SHOP-007')$$, 'M2 the next start is told to watch it on');
update orch.nodes set stopped_at = now(), beat_at = now() - interval '1 hour' where node = 'n1';
select orch.reap();
select is((select r.outcome from orch.agent_runs as r where r.id = :run), null, 'M2 a node that is gone may come back: the run stays open');
select orch.stop_task('SHOP-007');
select orch.sweep_cancels();
select is(pg_temp.stage(), 'deploy', 'S6 uncertainty counts as critical');
update orch.agent_runs set detached_until = now() - interval '1 s' where id = :run;
select orch.reap();
select is((select r.outcome from orch.agent_runs as r where r.id = :run), 'lost', 'M2 after its time-out it has ended, whoever saw it');
select is(pg_temp.stage(), 'cancelled', 'D7-7 and the STOP that waited is applied');
select is((select d.verdict from orch.deploys as d), 'FAILED', 'M2 a deploy of which nobody knows the end has failed');

select * from finish();
rollback;
