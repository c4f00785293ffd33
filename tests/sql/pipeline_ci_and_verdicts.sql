begin;
\ir support.inc
select * from no_plan();

select is(pg_temp.finish(pg_temp.drive('development'), 'ok', '{"head": "h3"}'), 'done, development', 'P2 development waits for CI');
select matches(pg_temp.ci('h3', 'pending'), 'wait: ', 'G3 pending is not green');
select matches(pg_temp.ci('h3', 'success'), 'pass: ', 'P2 green CI passes the gate');
select is(pg_temp.stage(), 'review', 'P2 review');
select is(pg_temp.finish(pg_temp.claim(), 'ok', '{"evidence": {"12-review.md": {"verdict": "CHANGES_REQUESTED"}}}'), 'done, development', 'G1 changes requested sends back');
select matches((select j.content from orch.jobs as j where j.status = 'queued'), 'CHANGES_REQUESTED', 'P7 the reason is in the next job''s content');
select is((select x.evidence #>> '{evidence,12-review.md,verdict}' from orch.transitions as x order by x.id desc limit 1), 'CHANGES_REQUESTED', 'G4 the evidence is stored with the transition');

select * from finish();
rollback;
