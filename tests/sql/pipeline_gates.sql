begin;
\ir support.inc
select * from no_plan();

select is(pg_temp.finish(pg_temp.drive('analysis'), 'ok', '{"head": "h1"}'), 'done, analysis', 'P2 the analysis waits for a person');
select ok((select t.brd_review_started_at is not null from orch.tasks as t), 'P7 the review clock runs');
select is(pg_temp.board('i-1', 'architecture'), 'ignored: status "architecture" starts nothing', 'B3 a work status starts nothing');
select matches(pg_temp.board('i-1', 'approved'), '^routed: approved', 'P7 Approved opens the gate');
select ok((select t.brd_review_ended_at is not null from orch.tasks as t), 'P7 and closes the review clock');
select is(pg_temp.stage(), 'architecture', 'P7 architecture');
select is(pg_temp.finish(pg_temp.claim(), 'ok', '{"evidence": {"06-adr/": {"count": 0}}}'), 'queued, architecture', 'G2 missing evidence is not passed');
select matches((select j.error from orch.jobs as j where j.status = 'queued'), '06-adr/ holds no decision record', 'G2 with the reason');
update orch.jobs set run_at = now();
select is(pg_temp.finish(pg_temp.claim(), 'ok', '{"evidence": {}}'), 'failed, architecture', 'Q1 attempts are used up');
select is((select t.attention from orch.tasks as t), 'blocked', 'Q5 the task is blocked for a person');

select * from finish();
rollback;
