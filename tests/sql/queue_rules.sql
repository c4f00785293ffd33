begin;
\ir support.inc
select * from no_plan();
create function pg_temp.claim(slots int, marks jsonb default null, without text[] default null, only_agents text[] default null) returns text language sql as $$
    select string_agg(c.content, ' ' order by c.priority desc, c.run_at, c.job_id)
      from orch.claim_jobs('n1', '00000000-0000-0000-0000-000000000001', slots, marks, without, only_agents) as c
$$;
create function pg_temp.finish(content text) returns text language sql as $$
    select f.job_status from orch.jobs as j cross join lateral orch.finish_run(j.run_id, 'ok', '{}', j.id) as f where j.content = finish.content and j.status = 'running'
$$;
create function pg_temp.words(content text) returns text language sql as $$ select j.held from orch.jobs as j where j.content = words.content $$;

-- Priorities, times and marks.
select orch.enqueue('a', 'p0-1', run_at => '2026-01-01 10:00');
select orch.enqueue('a', 'p0-2', run_at => '2026-01-01 11:00');
select orch.enqueue('a', 'p5-1', priority => 5, run_at => '2026-01-01 10:00');
select orch.enqueue('a', 'p5-later', priority => 5, run_at => now() + interval '1 day');
select orch.enqueue('a', 'p-9', priority => -9, run_at => '2026-01-01 09:00');
select is(pg_temp.claim(2), 'p5-1 p0-1', 'Q2 by priority, then time, and over what is not due');
select orch.enqueue('a', 'behind', run_at => '2026-01-01 09:00');
select orch.enqueue('a', 'urgent', priority => 9);
select is(pg_temp.claim(2, '[{"priority": 0, "run_at": "2026-01-01 10:00+00", "id": 999999999}]'), 'urgent p0-2', 'Q2 a look with marks begins behind them, and sees other priorities');
select is(pg_temp.claim(1, '[{"priority": 0, "run_at": "2026-01-01 11:00+00", "id": 999999999}]'), 'p-9', 'Q2 and goes on below');
select is(pg_temp.claim(9), 'behind', 'Q2 a look without marks finds what came behind one');
select ok(orch.next_job_ms() between 86000000 and 86400000, 'Q3 a node knows when the next job is due');

-- What a node leaves out.
select orch.enqueue('a', 'for-a');
select orch.enqueue('b', 'for-b');
select is(pg_temp.claim(9, without => '{a}'), 'for-b', 'Q5 agents that a node does not take now are left out');
select is(pg_temp.claim(9, only_agents => '{b}'), null, 'Q5 a node takes only what it can run');
select is(pg_temp.claim(9, only_agents => '{a,b}'), 'for-a', 'Q5 and all of that');

-- A run is a fence before it has a row.
select is((select count(*) from orch.agent_runs as r join orch.jobs as j on j.run_id = r.id where j.content = 'for-a'), 0::bigint, 'Q4 a claim of a job without a task writes no row of a run');
select orch.run_started(j.run_id, 7, '1', 'boot', '/log', j.id) from orch.jobs as j where j.content = 'for-a';
select is((select r.pid from orch.agent_runs as r join orch.jobs as j on j.run_id = r.id where j.content = 'for-a'), 7, 'R4 its start does');
select throws_ok(format('select orch.run_started(%s, 7, ''1'', ''boot'', ''/log'', %s)', 1e9::bigint, j.id), 'OR410', null, 'Q4 a stale run starts nothing') from orch.jobs as j where j.content = 'for-b';
select throws_ok(format('select orch.finish_run(%s, ''ok'', ''{}'', %s)', 1e9::bigint, j.id), 'OR410', null, 'Q4 and ends nothing') from orch.jobs as j where j.content = 'for-b';
select orch.cancel_job(j.id) from orch.jobs as j where j.content = 'for-b';
select is(orch.run_started(j.run_id, 8, '1', 'boot', '/log', j.id), false, 'S3 a job that was cancelled before its process began is not wanted') from orch.jobs as j where j.content = 'for-b';
select is((select f.job_status from orch.finish_run(j.run_id, 'stopped', '{}', j.id) as f), 'cancelled', 'S5 and stays cancelled') from orch.jobs as j where j.content = 'for-b';
select is((select r.outcome from orch.agent_runs as r join orch.jobs as j on j.run_id = r.id where j.content = 'for-b'), 'stopped', 'R4 its run is told of');

-- Many ends at once.
select orch.enqueue('a', 'bulk-' || n) from generate_series(1, 4) as n;
select pg_temp.claim(9);
create temp table bulk as select j.run_id, j.id, j.content from orch.jobs as j where j.content like 'bulk-%' order by j.id;
select results_eq($$select f.job_status, f.error_code from orch.finish_runs(
    (select array_agg(b.run_id order by b.id) || 123456789::bigint from bulk as b), '{ok,ok,failed,ok,ok}', '{null,"{}","{\"error\": \"no\"}","{\"exit_status\": 0}","{}"}',
    (select array_agg(b.id order by b.id) || 987654321::bigint from bulk as b)) as f order by f.run_id$$,
    $$values ('done', ''), ('done', ''), ('queued', ''), ('done', ''), (null, 'OR410')$$, 'Q4 each is closed for itself, and a stale one harms nobody');
select is((select count(*) from orch.agent_runs as r join bulk as b on b.run_id = r.id), 2::bigint, 'R4 what there is to tell is told');
select results_eq($$select f.error_code from orch.finish_runs((select array_agg(b.run_id) from bulk as b where b.content = 'bulk-1'), '{ok}', '{null}', (select array_agg(b.id) from bulk as b where b.content = 'bulk-1')) as f$$,
    $$values ('OR410')$$, 'Q4 an end that is told twice is stale');
select throws_ok($$select * from orch.finish_runs('{1,2}', '{ok}', '{null}', '{1}')$$, 'OR422', null, 'lists of different length are refused');
update orch.jobs set status = 'cancelled', finished_at = now(), held = null, held_by = null where status in ('queued', 'running');

-- Many ends of processes at once: their rows are closed, and one whose job was cancelled closes too.
select orch.enqueue('a', 'proc-' || n) from generate_series(1, 3) as n;
select pg_temp.claim(9);
create temp table procs as select j.run_id, j.id from orch.jobs as j where j.content like 'proc-%' order by j.id;
select orch.run_started(p.run_id, 7, '1', 'boot', '/log', p.id) from procs as p;
select orch.cancel_job(max(p.id)) from procs as p;
select results_eq($$select f.job_status, f.note, f.error_code from orch.finish_runs(
    (select array_agg(p.run_id order by p.id) from procs as p), '{ok,ok,ok}', '{"{\"exit_status\": 0, \"usage\": {\"input\": 5}}","{}","{\"exit_status\": 0}"}',
    (select array_agg(p.id order by p.id) from procs as p)) as f order by f.run_id$$,
    $$values ('done', 'done', ''), ('done', 'done', ''), ('cancelled', 'job is cancelled', '')$$, 'Q4 good ends of processes');
select results_eq('select r.outcome, r.exit_status, r.tokens_in from orch.agent_runs as r join procs as p on p.run_id = r.id order by r.id',
    $$values ('ok', 0, 5::bigint), ('ok', null, null), ('ok', 0, null)$$, 'R4 their rows are closed with what happened');

-- However a run ended, what it used counts; and what it wrote there never keeps it open.
select orch.enqueue('a', 'used-' || n, max_attempts => 1) from generate_series(1, 13) as n;
select pg_temp.claim(20);
create temp table used as
select j.run_id, j.id, e.n, e.outcome, e.told::jsonb
  from (values (1, 'failed', '{"usage": {"input": 5, "output": 6, "cache": 7}, "cost_usd": 0.25, "error": "x"}'), (2, 'timeout', '{"usage": {"input": 5}, "cost_usd": 0.25}'),
               (3, 'stopped', '{"usage": {"input": 5}, "cost_usd": 0.25}'), (4, 'lost', '{"usage": {"input": 5}, "cost_usd": 0.25}'),
               (5, 'released', '{"usage": {"input": 5}, "cost_usd": 0.25}'), (6, 'transient', '{"usage": {"input": 5}, "cost_usd": 0.25}'),
               (7, 'failed', '{"usage": {"input": "many"}, "cost_usd": "much"}'), (8, 'failed', '{"usage": {"input": -1}, "cost_usd": -0.5}'),
               (9, 'failed', '{"usage": {"input": 1e300}, "cost_usd": 999999.9999999}'), (10, 'failed', '{"usage": [], "cost_usd": {}}'),
               (11, 'failed', '{"usage": null, "cost_usd": null}'), (12, 'ok', '{"usage": {"input": true}, "cost_usd": 1e12}'),
               (13, 'ok', '{"usage": {"input": 5.9}, "cost_usd": 0.2500004}')) as e (n, outcome, told)
  join orch.jobs as j on j.content = 'used-' || e.n;
select orch.run_started(u.run_id, 7, '1', 'boot', '/log', u.id) from used as u;
select is_empty($$select u.n, f.error_code from used as u, orch.finish_runs(array[u.run_id], array[u.outcome], array[u.told], array[u.id]) as f where f.error_code <> ''$$,
                'R4 no end is refused for what it tells of its usage');
select results_eq('select r.outcome, r.tokens_in, r.cost_usd from used as u join orch.agent_runs as r on r.id = u.run_id order by u.n',
    $$values ('failed', 5::bigint, 0.25), ('timeout', 5, 0.25), ('stopped', 5, 0.25), ('lost', 5, 0.25), ('released', 5, 0.25), ('transient', 5, 0.25),
             ('failed', null, null), ('failed', null, null), ('failed', null, null), ('failed', null, null), ('failed', null, null), ('ok', null, null),
             ('ok', 5, 0.25)$$, 'R4 usage and cost count for every end, and nonsense is not told');
select is((select sum(c.cost_usd) from orch.costs as c), 1.75, 'R4 orch.costs sums them all');
update orch.jobs set status = 'cancelled', finished_at = now(), held = null, held_by = null where status in ('queued', 'running');

-- Pause and resume.
select orch.enqueue('dev', 'd1');
select orch.enqueue('ops', 'o1', repo => 'acme/shop');
select is(orch.pause('agent', 'dev', 'quota'), 'agent dev is paused; 1 queued job waits', 'Q8 pause');
select orch.enqueue('dev', 'd2');
select is(pg_temp.claim(9), 'o1', 'Q8 a paused agent is not claimed, others are');
select ok(pg_temp.words('d2') like 'paused: agent dev since %: quota', 'P13 it says why');
select is(orch.resume('agent', 'dev'), 'agent dev goes on; 2 jobs are ready', 'Q8 resume frees what waited');
select is(orch.resume('agent', 'dev'), 'agent dev was not paused', 'Q8 resume is idempotent');
select is(pg_temp.claim(9), 'd1 d2', 'Q8 and they run');
select orch.enqueue('ops', 'o2', repo => 'acme/shop');
select orch.pause('repo', 'acme/shop');
select orch.pause('all');
select is(orch.resume('repo', 'acme/shop'), 'repo acme/shop goes on; 1 job is ready', 'Q8 two pauses');
select is(pg_temp.claim(9), null, 'Q8 the other one still holds');
select ok(pg_temp.words('o2') like 'paused: all since %', 'P13 and says so');
select orch.resume('all');
select is(pg_temp.claim(9), 'o2', 'Q8 both have ended');
select throws_ok($$select orch.pause('colour', 'red')$$, 'OR422', null, 'Q8 unknown kind');
select throws_ok($$select orch.pause('agent')$$, 'OR422', null, 'Q8 no agent named');
select throws_ok($$select orch.pause('all', 'x')$$, 'OR422', null, 'Q8 a name beside all');
update orch.jobs set status = 'cancelled', finished_at = now() where status = 'running';

-- Limits.
select is(orch.set_limit('agent', 'dev', at_once => 2), 'limit of agent dev: 2 at once', 'R5 a limit');
select orch.enqueue('dev', 'l' || n, priority => -n) from generate_series(1, 4) as n;
select orch.enqueue('ops', 'l5', priority => -9);
select is(pg_temp.claim(9), 'l1 l2 l5', 'R5 no more than the limit, and what is behind goes on');
select is(pg_temp.words('l3'), 'concurrency limit of agent dev: 2 at once', 'P13 it says why');
select is(pg_temp.claim(9), null, 'R5 the places are taken');
select pg_temp.finish('l2');
select is(pg_temp.words('l3') is null and pg_temp.words('l4') is not null, true, 'R5 an end frees one, the most urgent');
select is(pg_temp.claim(9), 'l3', 'R5 and it runs');
select orch.set_limit('agent', 'dev', at_once => 3);
select is(pg_temp.claim(9), 'l4', 'R5 a higher limit frees more');
select is(orch.clear_limit('agent', 'dev'), 'agent dev has no limit', 'R5 no limit');
select is(orch.clear_limit('agent', 'dev'), 'agent dev had no limit', 'R5 twice');
update orch.jobs set status = 'cancelled', finished_at = now() where status = 'running';
select orch.set_limit('key', 'customer 7', at_once => 1);
select orch.set_limit('all', '', per_period => 3, period => '1 minute');
insert into orch.jobs (agent, content, limit_key) values ('a', 'k1', 'customer 7'), ('a', 'k2', 'customer 7'), ('a', 'k3', 'other'), ('a', 'k4', null), ('a', 'k5', null);
select is(pg_temp.claim(9), 'k1 k3 k4', 'Q8 a key''s limit, and so many in a period');
select ok(pg_temp.words('k5') like 'concurrency limit of all: 3 in 00:01:00 (next at %', 'P13 it says when the period ends');
select is(orch.review_blocks(), 0, 'Q8 nothing is freed before that');
select pg_temp.finish('k1');
update orch.limits set window_from = now() - interval '2 minutes' where kind = 'all';
select is(orch.review_blocks(), 1, 'Q8 the period has ended');
select is(pg_temp.claim(9), 'k2 k5', 'Q8 both go on');
select is((select l.window_started from orch.limits as l where l.kind = 'all'), 2, 'Q8 and are counted');
select throws_ok($$select orch.set_limit('agent', 'x', at_once => 0)$$, 'OR422', null, 'Q8 limit 0');
select throws_ok($$select orch.set_limit('agent', 'x')$$, 'OR422', null, 'Q8 no limit at all');
select throws_ok($$select orch.set_limit('agent', 'x', per_period => 3)$$, 'OR422', null, 'Q8 a period is missing');
select throws_ok($$select orch.set_limit('agent', 'x', per_period => 3, period => '1 ms')$$, 'OR422', null, 'Q8 too short a period');
select throws_ok($$select orch.set_limit('key', repeat('x', 201), at_once => 3)$$, 'OR422', null, 'Q8 a key too long');

-- A place is free when the process is gone, and who waited longest has it.
update orch.jobs set status = 'cancelled', finished_at = now(), held = null, held_by = null where status in ('queued', 'running');
delete from orch.limits;
select orch.set_limit('agent', 'one', at_once => 1);
select orch.enqueue('one', 'one-' || n) from generate_series(1, 2) as n;
select is(pg_temp.claim(9), 'one-1', 'R5 one at once');
select orch.cancel_job(j.id) from orch.jobs as j where j.content = 'one-1';
select is(pg_temp.claim(9), null, 'R5 a cancelled job keeps its place until its process is gone');
select ok(exists (select from orch.runs_to_stop('n1') as s join orch.jobs as j on j.run_id = s.run_id where j.content = 'one-1'), 'S3 its node is told, though no process was told of');
select orch.finish_run(j.run_id, 'stopped', '{}', j.id) from orch.jobs as j where j.content = 'one-1';
select is(pg_temp.claim(9), 'one-2', 'R5 then the next one starts');
update orch.limits set at_once = null, per_period = 1, period = '1 minute', window_from = now(), window_started = 1;
select orch.enqueue('one', 'old', run_at => now() - interval '1 hour');
select is(pg_temp.claim(9), null, 'Q8 the period is used up');
update orch.limits set window_from = now() - interval '2 minutes';
select orch.enqueue('one', 'young', run_at => now() - interval '1 minute');
select is(pg_temp.claim(1), 'old', 'Q2 who was held goes before who has just come');
select orch.clear_limit('agent', 'one');

-- The calls of the version before, whose orchd may run beside this one.
select orch.enqueue('a', 'of the old one');
select is((select count(*) from orch.claim_jobs('n1', '00000000-0000-0000-0000-000000000001', 9) as c where c.content = 'of the old one'), 1::bigint, 'D3 claim');
select is(orch.run_started(j.run_id, 7, '1', 'boot', '/log'), true, 'D3 started') from orch.jobs as j where j.content = 'of the old one';
select is((select f.job_status from orch.finish_run(j.run_id, 'ok', '{}') as f), 'done', 'D3 finished') from orch.jobs as j where j.content = 'of the old one';

-- Settings that would stop the queue or empty it.
select throws_ok(format('select orch.set_setting(%L, %L)', s.name, s.value), 'OR422', null, 'Q9 ' || s.name || ' ' || s.value)
  from (values ('retention_jobs', 'banana'), ('retention_jobs', '-1 day'), ('max_attempts', '0'), ('max_attempts', '101')) as s (name, value);

-- A released place of a node that is gone.
select is((select count(*) from orch.open_runs('n1')), (select count(*) from orch.jobs as j where j.status = 'running') + (select count(*) from orch.agent_runs as r where r.node = 'n1' and r.ended_at is null), 'L1 claims are known without rows of runs');
update orch.nodes set beat_at = now() - interval '1 hour' where node = 'n1';
select ok(orch.reap() > 0, 'L1 a gone node''s claims are taken back');
select is((select count(*) from orch.jobs as j where j.status = 'running'), 0::bigint, 'Q6 all of them');
select * from finish();
rollback;
