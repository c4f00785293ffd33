begin;
\ir support.inc
select * from no_plan();

-- S7: a deploy that broke half-way ends, so that a deferred STOP cannot wait for ever.
create temp table run as select pg_temp.drive('deploy') as id;
savepoint deploy_runs;
select is((select s.result from orch.stop_task('SHOP-007') as s), 'deferred', 'S7 deferred while the deploy runs');
select is(pg_temp.finish((select id from run), 'released'), 'failed, cancelled', 'S7 the node shuts down in mid-deploy: the STOP is applied');
select is_empty('select * from orch.merge_leases', 'S7 and the lease is free');
rollback to deploy_runs;
select is(pg_temp.finish((select id from run), 'transient'), 'failed, development', 'M2 a deploy that broke half-way is not run again');
rollback to deploy_runs;
select pg_temp.finish((select id from run), 'ok', '{"result_outcome": "needs_input", "message": "which host?"}');
select throws_ok($$select orch.retry_job(max(j.id)) from orch.jobs as j$$, 'OR409', null, 'M1 no deployer runs without an open deploy');
rollback to deploy_runs;

-- O3: without a forge nothing waits unseen.
select pg_temp.finish((select id from run), 'ok', '{"head": "h7", "evidence": {"14-deploy-log.md": {"deploy_status": "SUCCESS"}}}');
select is((select count(orch.effect_skipped(e.effect_id, e.token, 'no forge') is null) from orch.claim_effects('n1', 100) as e where e.kind = 'pull_merge'),
          1::bigint, 'O3 the merge is skipped');
select is(pg_temp.stage(), 'development', 'O3 and the task goes back with the reason');
rollback to deploy_runs;

-- G3: what comes late or in the wrong order.
select pg_temp.ci('h9', 'success', at => '2026-03-01 10:00');
select pg_temp.ci('h9', 'pending', at => '2026-03-01 10:00');
select is((orch.ci_state('acme/shop', 'h9')).state, 'success', 'W7 a pending of the same second does not undo a success');

-- S4: the clean-up waits for the archive, however often it fails.
update orch.jobs set status = 'queued', held = 'test', held_by = 'task' where status = 'running';
delete from orch.deploys;
select orch.finish_run(id, 'failed', '{}') from run;
select is((select s.result from orch.stop_task('SHOP-007') as s), 'cancelled', 'S1 stopped');
update orch.outbox set attempts = 11 where kind = 'archive';
select orch.effect_failed(e.effect_id, e.token, 'mirror broken', null, true) from orch.claim_effects('n1', 100) as e where e.kind = 'archive';
select results_eq($$select kind, status from orch.outbox where kind in ('archive', 'worktree_remove', 'branch_delete') order by id$$,
                  $$values ('archive', 'pending'), ('worktree_remove', 'pending'), ('branch_delete', 'pending')$$, 'S4 a failing archive is never given up');
select ok((select o.next_at > now() + interval '1 minute' from orch.outbox as o where o.kind = 'archive'), 'O1 without word from the other side the back-off grows');
select is_empty($$select * from orch.claim_effects('n1', 100) as e where e.kind in ('worktree_remove', 'branch_delete')$$, 'S4 and nothing is deleted before it holds');
select matches((select o.payload ->> 'text' from orch.outbox as o where o.kind = 'alert' order by o.id desc limit 1), 'does not succeed: mirror broken', 'S4 but people are told');
select throws_ok($$insert into orch.projects (name, prefix, repo, clone_url, plane_workspace, plane_project_id)
                   values ('x', 'X', 'a/x', 'https://me:secret@git.example.com/a/x.git', 'w', 'p-x')$$, '23514', null, 'C3 a password in an address is refused');
select * from finish();
rollback;
