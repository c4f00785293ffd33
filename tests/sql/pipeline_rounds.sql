begin;
\ir support.inc
select * from no_plan();

select orch.set_setting('max_stage_returns', '20');

-- What a run of the review leaves: its verdict, and the blob of the file.
create function pg_temp.review(verdict text, blob text)
returns text language sql as $$
    select pg_temp.finish(pg_temp.claim(), 'ok', jsonb_build_object('evidence',
        jsonb_build_object('12-review.md', jsonb_build_object('verdict', verdict, 'blob', blob))))
$$;
-- The task is developed again, and CI is green: what the branch holds of the review is what the round before left.
create function pg_temp.develop(sha text, blob text)
returns text language plpgsql as $$
begin
    perform pg_temp.finish(pg_temp.claim(), 'ok', jsonb_build_object('head', sha, 'evidence', case when blob is null then '{}'
        else jsonb_build_object('12-review.md', jsonb_build_object('verdict', 'APPROVED', 'blob', blob)) end));
    perform pg_temp.ci(sha, 'success');
    return pg_temp.stage();
end
$$;

select pg_temp.finish(pg_temp.drive('review'), 'transient', '{"error": "429"}');
update orch.jobs set run_at = now();
select is(pg_temp.review('APPROVED', 'a1'), 'done, testing', 'G1 the first round has no round before it');
select is(pg_temp.finish(pg_temp.claim(), 'ok', '{"evidence": {"12-review.md": {"verdict": "APPROVED", "blob": "a1"}, "13-test-report.md": {"result": "FAIL", "blob": "t1"}}}'),
          'done, development', 'G1 the tests send it back');
select is(pg_temp.develop('h9', 'a1'), 'review', 'P2 the second round of the review');

-- The agent ends well and leaves the file of the first round.
select is(pg_temp.review('APPROVED', 'a1'), 'queued, review', 'G2 the verdict of an earlier round is not passed');
select is((select j.error from orch.jobs as j where j.status = 'queued'),
          '12-review.md is from before this round: write it anew, with the commit that it judges', 'G2 with the reason');
select matches((select j.content from orch.jobs as j where j.status = 'queued'), 'The last attempt did not count: 12-review.md is from before this round',
               'G2 which the next attempt is told');
update orch.jobs set run_at = now();
select is(pg_temp.review('CHANGES_REQUESTED', 'a2'), 'done, development', 'G1 written anew it counts');

-- A verdict that sends back is of its round, too; one that was written in this round counts, however often the agent was started.
select is(pg_temp.develop('h10', 'a2'), 'review', 'P2 the third round');
select is(pg_temp.review('CHANGES_REQUESTED', 'a2'), 'queued, review', 'G2 an old rejection is no rejection');
update orch.jobs set run_at = now();
select pg_temp.finish(pg_temp.claim(), 'failed', '{"error": "wrote its file and broke"}');
select is((select t.attention from orch.tasks as t), 'blocked', 'Q5 attempts are used up');
select matches(orch.retry_job((select max(j.id) from orch.jobs as j)), 'does the work', 'a person asks again');
select is(pg_temp.review('APPROVED', 'a3'), 'done, testing', 'G1 what a broken attempt of this round left is of this round');

-- The developer cannot write the verdict of the review that follows.
select pg_temp.finish(pg_temp.claim(), 'ok', '{"evidence": {"13-test-report.md": {"result": "FAIL", "blob": "t2"}}}');
select is(pg_temp.develop('h11', 'forged'), 'review', 'P2 the fourth round');
select is(pg_temp.review('APPROVED', 'forged'), 'queued, review', 'G2 a verdict written before the review began is none');

-- A task that was in its second round before rounds were recorded.
update orch.tasks set stage_files = null;
update orch.jobs set run_at = now();
select is(pg_temp.review('APPROVED', 'a4'), 'failed, review', 'G2 unknown is not passed');
select matches((select j.error from orch.jobs as j order by j.id desc limit 1), 'may be of an earlier round', 'G2 with the reason');
select matches(orch.reject('SHOP-007', 'again'), 'goes back to development', 'and there is a way on');
select is(pg_temp.develop('h12', 'a4'), 'review', 'P2 the fifth round');
select is(pg_temp.review('APPROVED', 'a5'), 'done, testing', 'G1 is recorded');

select is(orch.file_blobs('{"a": {"blob": "1"}, "06-adr/": {"count": 1}, "b": {"error": "x", "blob": "2"}}'), '{"a": "1", "b": "2"}', 'blobs of files');
select is(orch.file_blobs('{}'), '{}', 'no files');
select is(orch.file_blobs(null), null, 'nothing known');

select * from finish();
rollback;
