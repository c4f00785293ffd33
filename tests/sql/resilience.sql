-- Q5: what becomes of transient and of permanent failures, and what nodes tell about the agents that they take.
begin;
\ir support.inc
select plan(37);

-- One run of the oldest queued job: claimed, started and ended so.
create function pg_temp.run_once(outcome text, detail jsonb default '{}')
returns text language plpgsql as $$
declare
    c record;
begin
    update orch.jobs as j set run_at = now() where j.status = 'queued';
    select * into c from orch.claim_jobs('n1', '00000000-0000-0000-0000-000000000001', 1);
    perform orch.run_started(c.run_id, 1, '1', 'boot', '/log', c.job_id);
    return (select f.job_status from orch.finish_run(c.run_id, run_once.outcome, run_once.detail, c.job_id) as f);
end
$$;
create function pg_temp.waits(out seconds int) language sql as $$
    select extract(epoch from j.run_at - now())::int from orch.jobs as j order by j.id desc limit 1
$$;

-- Transient failures wait without using attempts, up to the limit; then they use them; then the job has failed, and somebody is told.
select orch.set_setting('max_transient', '2');
select orch.enqueue('chore', max_attempts => 2);
select is(pg_temp.run_once('transient', '{"error": "429"}'), 'queued', 'Q5 a transient failure: queued again');
select is((select array[j.attempts, j.transients] from orch.jobs as j), array[0, 1], 'Q5 it used no attempt');
select ok(pg_temp.waits() between 7 and 13, 'Q5 it waits for the base with a quarter of jitter');
select is(pg_temp.run_once('transient', '{"error": "429"}'), 'queued', 'Q5 and again');
select ok(pg_temp.waits() between 15 and 25, 'Q5 twice as long');
select is(pg_temp.run_once('transient', '{"error": "429"}'), 'queued', 'Q5 above max_transient it counts as an attempt');
select is((select array[j.attempts, j.transients] from orch.jobs as j), array[1, 2], 'Q5 of which one is used now');
select is((select count(*) from orch.outbox as o), 0::bigint, 'Q5 nobody is told yet');
select is(pg_temp.run_once('transient', '{"error": "429 again"}'), 'failed', 'Q5 the last attempt: failed');
select is((select array[o.kind, o.lane, o.payload ->> 'text'] from orch.outbox as o),
          array['alert', 'chat/agent/chore', (select format('job %s of chore failed, attempts: 2; last: 429 again', j.id) from orch.jobs as j)],
          'Q5 an alert tells of a job without a task');

-- What the other side asks for is waited for.
select orch.enqueue('chore');
select pg_temp.run_once('transient', '{"error": "429", "wait_ms": 600000}');
select ok(pg_temp.waits() between 600 and 660, 'Q5 a wait that the service names is kept, with a little jitter');
select pg_temp.run_once('transient', '{"error": "429", "wait_ms": 1}');
select ok(pg_temp.waits() between 15 and 25, 'Q5 one that is shorter than the back-off changes nothing');
select orch.set_setting('max_transient', '20');
select pg_temp.run_once('transient', '{"error": "429", "wait_ms": 999999999999}');
select ok(pg_temp.waits() between 86400 and 95040, 'Q5 nor is any longer than a day');
select is(pg_temp.run_once('released', '{"error": "the breaker"}'), 'queued', 'Q5 a job that is given back is queued again');
select is((select array[j.attempts::text, j.error] from orch.jobs as j order by j.id desc limit 1), array['0', 'the breaker'], 'Q5 with the reason, without an attempt');

-- Many failures of an agent are one message until it leaves.
select pg_temp.run_once('failed', '{"error": "exit status 1"}');
select pg_temp.run_once('failed', '{"error": "exit status 1"}');
select is((select array[count(*)::text, min(o.payload ->> 'failed')] from orch.outbox as o), array['1', '2'], 'Q5 two failed jobs of an agent: one alert');
select matches((select o.payload ->> 'text' from orch.outbox as o), '^jobs of chore that failed: 2; last: job \d+ of chore failed, attempts: 2; last: exit status 1$', 'Q5 that counts them');
select orch.enqueue('other', max_attempts => 1);
select pg_temp.run_once('failed', '{"error": "x"}');
select is((select count(*) from orch.outbox as o), 2::bigint, 'Q5 another agent has its own');
select is((select array[count(*), count(o.context -> 'work_item') filter (where o.context -> 'work_item' <> 'null')] from orch.claim_effects('n1', 10) as o),
          array[2, 0]::bigint[], 'Q5 alerts without a task are delivered');
select orch.enqueue('other', max_attempts => 1);
select pg_temp.run_once('failed', '{"error": "y"}');
select is((select count(*) from orch.outbox as o where o.lane = 'chat/agent/other'), 2::bigint, 'Q5 what is being delivered is not changed any more');

-- Nodes tell what they can run.
select lives_ok($$select orch.enqueue('anything')$$, 'Q5 nodes that told nothing may run anything');
select orch.node_agents('n1', '00000000-0000-0000-0000-000000000001', '{chore,developer}', '{}');
select lives_ok($$select orch.enqueue('anything')$$, 'Q5 also one of several');
select orch.node_agents('n2', '00000000-0000-0000-0000-000000000002', '{tester,chore}', '{}');
select throws_ok($$select orch.enqueue('choer')$$, 'OR422', 'agent "choer" is not offered by any node: accepted are chore, developer, tester',
                 'Q8 an unknown agent is refused, and those that are known are named');
select throws_ok($$select orch.enqueue_many('[{"agent": "chore"}, {"agent": "choer"}]')$$, 'OR422', null, 'Q8 also among many');
select lives_ok($$select orch.enqueue('tester')$$, 'Q8 one that one node offers is good');
select orch.set_setting('unknown_agents_enabled', 'on');
select lives_ok($$select orch.enqueue('choer')$$, 'Q8 a setting lets any be queued');
select is((select q.why from orch.queue as q where q.agent = 'choer'), 'no node runs agent "choer"', 'Q8 it waits, and says so');
select orch.set_setting('unknown_agents_enabled', null);
update orch.nodes as n set stopped_at = now() - interval '1 hour' where n.node = 'n2';
select lives_ok($$select orch.enqueue('tester')$$, 'Q8 a node that stopped an hour ago still counts');
update orch.nodes as n set stopped_at = now() - interval '25 hours' where n.node = 'n2';
select throws_ok($$select orch.enqueue('tester')$$, 'OR422', null, 'Q8 after a day no more');
update orch.nodes as n set stopped_at = now() where n.node = 'n1';
select lives_ok($$select orch.enqueue('tester')$$, 'Q8 while no node is alive nothing is refused');
select orch.node_start('n1', '00000000-0000-0000-0000-000000000001', 100, 4, 'test', '30 s');
select lives_ok($$select orch.enqueue('tester')$$, 'Q8 nor by a node that has just started, and may have other agents now');
select orch.node_agents('n1', '00000000-0000-0000-0000-000000000001', '{chore,developer}', '{}');
select throws_ok($$select orch.node_agents('n1', '00000000-0000-0000-0000-00000000000f', '{}', '{}')$$, 'OR410', null, 'Q4 a stale node tells nothing');

-- What a node leaves out is shown, and told once.
delete from orch.outbox;
select orch.node_agents('n1', '00000000-0000-0000-0000-000000000001', '{chore,developer}',
                        '{"chore": {"breaker": "open", "until": "2026-01-01T10:00:00Z", "why": "429"}, "developer": {"breaker": "closed", "preflight": "unknown", "why": "new"}}');
select orch.node_agents('n1', '00000000-0000-0000-0000-000000000001', '{chore,developer}', '{"chore": {"breaker": "half-open", "why": "429"}}');
select is((select array_agg(o.payload ->> 'text') from orch.outbox as o), array['node n1 takes no jobs of agent chore: 429'],
          'Q5 an opening is told once; a preflight that has not ended is no news');
select is(orch.report_resilience(), '[{"node": "n1", "agent": "chore", "breaker": "half-open", "why": "429"}]', 'Q5 GET /queue shows what is left out');
select is(orch.queue_report() -> 'resilience', orch.report_resilience(), 'Q5 in a block of its own');
select orch.enqueue('chore');
select is((select q.why from orch.queue as q where q.agent = 'chore'), 'node n1 leaves out agent "chore": 429', 'Q5 a job that waits for it says so');
select orch.node_agents('n1', '00000000-0000-0000-0000-000000000001', '{chore,developer}', '{}');
select is(orch.report_resilience(), '[]', 'Q5 and nothing when it is over');

select * from finish();
rollback;
