begin;
\ir support.inc
select * from no_plan();

-- S2, S3, S4: a running agent.
create temp table run as select pg_temp.drive('review') as id;
select is((select count(*) from orch.jobs as j where j.status = 'running'), 1::bigint, 'one job runs');
select matches(pg_temp.board('i-1', 'stop'), '^routed: cancelled: ', 'S1 the board''s STOP cancels');
select results_eq('select distinct status from orch.jobs where finished_at is not null and stage = ''review''', $$values ('cancelled')$$, 'S2 the running job is cancelled');
select results_eq('select stage, cancelled_at is not null, cancel_via from orch.tasks', $$values ('cancelled', true, 'board')$$, 'S2 the task is cancelled');
select results_eq('select work_item, plane_id, plane_issue_id from orch.tasks',
                  $$select 'SHOP-007#cancelled-' || id, 'p-1/7#cancelled-' || id, 'i-1#cancelled-' || id from orch.tasks$$, 'S2 tombstones');
select results_eq('select work_item from orch.stops', $$values ('SHOP-007')$$, 'S2 the original stays readable');
select results_eq($$select run_id from orch.runs_to_stop('n1')$$, 'select id from run', 'S3 the node is told which run');
select results_eq($$select kind from orch.outbox where status = 'pending' and kind in ('archive', 'worktree_remove', 'branch_delete') order by id$$,
                  $$values ('archive'), ('worktree_remove'), ('branch_delete')$$, 'S4 clean-up in order');
select is_empty($$select * from orch.claim_effects('n1', 100) where kind = 'archive'$$, 'S4 clean-up waits for the run to close');
select is(pg_temp.finish((select id from run), 'ok', '{"head": "h9", "evidence": {"12-review.md": {"verdict": "APPROVED"}}}'), 'cancelled, cancelled',
          'S5 a late completion changes nothing');
select is((select e.kind from orch.claim_effects('n1', 100) as e where e.kind in ('archive', 'worktree_remove', 'branch_delete')), 'archive', 'S4 then the archive is first');
select is_empty($$select * from orch.claim_jobs('n1', '00000000-0000-0000-0000-000000000001', 10)$$, 'TC-03 no claim returns a cancelled job');
select is((select s.result from orch.stop_task('SHOP-007') as s), 'already_cancelled', 'S8 again: a no-op that says so');
select is((select s.result from orch.stop_task('SHOP-999') as s), 'not_found', 'S8 a missing task');
select is((select count(*) from orch.outbox as o where o.kind = 'alert'), 1::bigint, 'S8 one alert');
select throws_ok($$select orch.retry_job(max(id)) from orch.jobs$$, 'OR409', null, 'S5 retry of a terminal task is refused');
select throws_ok($$select orch.finish_run((select id from run), 'failed', '{}')$$, 'OR410', null, 'Q4 a closed run changes nothing');
select matches(pg_temp.board('i-1', 'to-analyse'), '^routed: started', 'S9 To Analyse makes a new task');
select is((select count(*) from orch.tasks), 2::bigint, 'S9 beside the old one');
select is_empty($$select * from orch.claim_effects('n1', 100) where kind = 'task_start'$$, 'S9 its branch waits for the old one''s clean-up');
select * from finish();
rollback;
