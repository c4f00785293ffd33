begin;
\ir support.inc
select * from no_plan();
create function pg_temp.why()
returns text language sql as $$ select w.why from orch.why as w $$;

-- M1: the lease is worth something only when the branch merges cleanly.
savepoint fresh;
select pg_temp.drive('deploy-staging');
select pg_temp.finish(r.id, 'ok', '{"head": "h6", "evidence": {"15-staging-log.md": {"staging_status": "SUCCESS"}}}') from orch.agent_runs as r where r.ended_at is null;
select is((select l.task_id from orch.merge_leases as l), orch.find_task('SHOP-007'), 'M1 the lease is taken on the edge to deploy');
select is((select o.payload ->> 'head' from orch.outbox as o where o.kind = 'merge_check'), 'h6', 'M1 and the merge of just this head is to be tried');
select is(pg_temp.why(), 'the merge with the default branch is being tried', 'P13 a task says that it waits for that');
savepoint tried;
select pg_temp.deliver('merge_check', '{"conflicts": ["a.txt", "lib/b.c"], "onto": "0123456789abcdef"}');
select is(pg_temp.stage(), 'development', 'M1 conflicts send the task back');
select matches((select j.content from orch.jobs as j where j.status = 'queued'), 'does not merge with main at 0123456789, conflicts in: a.txt, lib/b.c$',
               'M1 and the developer is told the paths');
select is_empty('select * from orch.merge_leases', 'M1 the lease is free for the next');
select is((select d.verdict from orch.deploys as d), 'FAILED', 'M2 its deploy has ended');
select is((select x.evidence ->> 'onto' from orch.transitions as x order by x.id desc limit 1), '0123456789abcdef', 'G4 what was tried is kept with the transition');
rollback to tried;
select pg_temp.deliver('merge_check', jsonb_build_object('onto', 'm', 'conflicts', (select jsonb_agg('f' || i) from generate_series(1, 25) as i)));
select matches((select j.content from orch.jobs as j where j.status = 'queued'), 'f20 and 5 more$', 'M1 a long list is cut');
rollback to tried;
select is((select s.result from orch.stop_task('SHOP-007') as s), 'cancelled', 'D7-2 a STOP waits for no merge that is only tried');
select is((select o.status from orch.outbox as o where o.kind = 'merge_check'), 'skipped', 'S2 it is no longer wanted');
rollback to tried;
select orch.effect_failed(e.effect_id, e.token, 'no such commit', null, true) from orch.claim_effects('n1', 100, '{}', '{merge_check}') as e;
select is((select t.attention from orch.tasks as t), 'blocked', 'M1 a merge that cannot be tried waits for a person');
select orch.retry_effect(o.id) from orch.outbox as o where o.kind = 'merge_check';
select is((select t.attention from orch.tasks as t), null, 'M1 who may have it tried again');
select is(pg_temp.merges(), 1, 'M1 and it is');
select is(pg_temp.why(), 'parked: waits for Confirm Deploy', 'M2 then it is parked');
select is((select d.checked_onto from orch.deploys as d), 'm0', 'M1 with the commit that it merges with');

-- The default branch goes on while a deploy is parked.
select orch.confirm_deploy('SHOP-007', 'alice');
select is_empty($$select from orch.jobs as j where j.status = 'queued'$$, 'M1 Confirm Deploy has the merge tried again');
select orch.begin_deploy(orch.find_task('SHOP-007'));
select is((select count(*) from orch.outbox as o where o.kind = 'merge_check' and o.status = 'pending'), 1::bigint, 'M1 once');
savepoint confirmed;
select pg_temp.merges();
select is((select j.stage from orch.jobs as j where j.status = 'queued'), 'deploy', 'M2 and the deployer is queued when it is clean');
select is((select o.payload ->> 'key' from orch.outbox as o where o.kind = 'board_status' order by o.id desc limit 1), 'deploying', 'B4 the board shows it');
rollback to confirmed;
update orch.tasks set head_sha = 'h9';
select is(pg_temp.merges(), 1, 'M1 the merge of another head was tried');
select is_empty($$select from orch.jobs as j where j.status = 'queued'$$, 'M1 and says nothing of this one');

-- M1: a lease that nobody needs is taken back.
rollback to fresh;
select pg_temp.drive('parked');
select is((orch.reap(), (select count(*) from orch.merge_leases as l))::text, (0, 1)::text, 'M1 a parked task keeps its lease');
update orch.deploys set phase = 'C', finished_at = now(), verdict = 'FAILED';
select orch.reap();
select is_empty('select * from orch.merge_leases', 'L1 a lease without a deploy is taken back');

-- M3: what a merge has lost.
rollback to fresh;
update orch.projects set markers = '{VERSION}';
select pg_temp.drive('merging');
select results_eq($$select e.context -> 'markers' from orch.claim_effects('n1', 100, '{}', '{pull_merge}') as e$$, $$values ('["VERSION"]'::jsonb)$$,
                  'M3 who merges knows the markers');
select orch.effect_failed(o.id, o.token, 'integrity: after the merge the default branch lacks VERSION', null, true) from orch.outbox as o where o.kind = 'pull_merge';
select results_eq('select t.stage, t.pull_number from orch.tasks as t', $$values ('development', null::bigint)$$,
                  'M3 the task is not done: it goes back, to a pull request of its own');
select matches((select j.content from orch.jobs as j where j.status = 'queued'), 'lacks VERSION', 'M3 and the developer is told');

-- A node is handed only what it knows.
rollback to fresh;
select pg_temp.drive('deploy-staging');
select pg_temp.finish(r.id, 'ok', '{"head": "h6", "evidence": {"15-staging-log.md": {"staging_status": "SUCCESS"}}}') from orch.agent_runs as r where r.ended_at is null;
select is_empty($$select from orch.claim_effects('n2', 100) as e where e.kind = 'merge_check'$$, 'D3 a node of the release before is not given a merge to try');
select is((select count(*) from orch.claim_effects('n2', 100, '{}', '{merge_check}')), 1::bigint, 'D3 one of this release is');

select * from finish();
rollback;
