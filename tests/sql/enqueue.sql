begin;
\ir support.inc
select * from no_plan();

-- Q8: what a job looks like when nothing was said of it.
select orch.enqueue('a');
select results_eq($$select j.agent, j.content, j.repo, j.priority, j.run_at = now(), j.max_attempts, j.unique_key, j.tags, j.limit_key, j.held from orch.jobs as j$$,
                  $$values ('a', '', null::text, 0, true, 2, null::text, '{}'::text[], null::text, null::text)$$, 'Q8 defaults');
select orch.set_setting('max_attempts', '7');
select orch.enqueue('a', 'set');
select orch.enqueue('a', 'said', 'acme/.github', max_attempts => 3, limit_key => 'api');
select results_eq($$select j.content, j.max_attempts, j.limit_key from orch.jobs as j where j.content <> '' order by j.id$$,
                  $$values ('set', 7, null::text), ('said', 3, 'api')$$, 'Q8 attempts as the setting says, or as the caller says');
select lives_ok($$select orch.enqueue('a', null, null, null, null, null, null, null, null, null)$$, 'Q8 null is the default');

-- Q8: a key is taken while its job is queued or running, and for a period.
create temp table seen (name text, id bigint);
insert into seen values ('plain', orch.enqueue('a', unique_key => 'plain'));
select is(orch.enqueue('b', unique_key => 'plain'), (select s.id from seen as s where s.name = 'plain'), 'Q8 a queued job keeps its key');
update orch.jobs set status = 'done', finished_at = now() where unique_key = 'plain';
select isnt(orch.enqueue('a', unique_key => 'plain'), (select s.id from seen as s where s.name = 'plain'), 'Q8 and gives it back when it has ended');
insert into seen values ('period', orch.enqueue('a', unique_key => 'period', unique_for => '1 hour'));
update orch.jobs set status = 'done', finished_at = now() where unique_key = 'period';
select is(orch.enqueue('a', unique_key => 'period', unique_for => '1 hour'), (select s.id from seen as s where s.name = 'period'), 'Q8 a period outlives its job');
select is(orch.enqueue('a', unique_key => 'period'), (select s.id from seen as s where s.name = 'period'), 'Q8 also for who asks for none');
update orch.job_keys set expires_at = now() where unique_key = 'period';
insert into seen values ('next', orch.enqueue('a', unique_key => 'period', unique_for => '1 hour'));
select isnt((select s.id from seen as s where s.name = 'next'), (select s.id from seen as s where s.name = 'period'), 'Q8 and ends');
select is((select k.job_id from orch.job_keys as k where k.unique_key = 'period'), (select s.id from seen as s where s.name = 'next'), 'Q8 the next job has the next period');
update orch.job_keys set expires_at = now() where unique_key = 'period';
select is(orch.enqueue('a', unique_key => 'period', unique_for => '1 hour'), (select s.id from seen as s where s.name = 'next'),
          'Q8 a job that is active when its period ends still has the key');
select is((select count(*) from orch.job_keys as k where k.expires_at > now()), 0::bigint, 'Q8 and who queued nothing takes no period');

-- Q8: bad input.
select throws_ok(format('select orch.enqueue(%s)', c.given), 'OR422', null, 'Q8 refused: ' || c.given)
  from (values ('null'), ($$''$$), ($$'no such; name'$$), ($$'a', repo => 'shop'$$), ($$'a', repo => ''$$), ($$'a', repo => '../shop'$$), ($$'a', repo => 'acme/..'$$),
               ($$'a', run_at => 'infinity'$$), ($$'a', run_at => '-infinity'$$), ($$'a', max_attempts => 0$$), ($$'a', max_attempts => 101$$),
               ($$'a', unique_key => ''$$), ($$'a', unique_key => repeat('k', 201)$$), ($$'a', limit_key => ''$$), ($$'a', limit_key => repeat('k', 201)$$),
               ($$'a', tags => array['x', null]$$), ($$'a', tags => '{{x},{y}}'$$), ($$'a', unique_for => '1 hour'$$),
               ($$'a', unique_key => 'z', unique_for => '0'$$), ($$'a', unique_key => 'z', unique_for => '-1 s'$$), ($$'a', unique_key => 'z', unique_for => '11 years'$$)) as c (given);
select throws_like($$select orch.enqueue('a', max_attempts => 101)$$, '%max_attempts 101%1 to 100%', 'Q8 the message names thing, value and what is accepted');

-- Q8: many.
select is((select array_agg(m - (select min(k) from orch.enqueue_many('[]') as k)) from orch.enqueue_many('[]') as m), null, 'Q8 none is fine');
create temp table many as select m.id, m.position from orch.enqueue_many(jsonb_build_array(
    jsonb_build_object('agent', 'm', 'content', 'one', 'priority', 3, 'run_at', '2026-01-02T03:04:05Z', 'max_attempts', 4, 'tags', array['x', 'y'],
                       'repo', 'acme/shop', 'limit_key', 'api'),
    jsonb_build_object('agent', 'm', 'unique_key', 'z'), jsonb_build_object('agent', 'm', 'unique_key', 'c', 'unique_for', '1 hour'),
    jsonb_build_object('agent', 'm', 'unique_key', 'z'), jsonb_build_object('agent', 'm', 'content', null))) with ordinality as m (id, position);
select results_eq($$select m.position, j.content, j.unique_key from many as m join orch.jobs as j on j.id = m.id order by 1$$,
                  $$values (1::bigint, 'one', null::text), (2, '', 'z'), (3, '', 'c'), (4, '', 'z'), (5, '', null)$$, 'Q8 the answers are in the order of the array');
select is((select m.id from many as m where m.position = 4), (select m.id from many as m where m.position = 2), 'Q8 a key taken within the array is taken');
select results_eq($$select j.priority, j.run_at, j.max_attempts, j.tags, j.repo, j.limit_key from orch.jobs as j where j.content = 'one'$$,
                  $$values (3, '2026-01-02T03:04:05Z'::timestamptz, 4, '{x,y}'::text[], 'acme/shop', 'api')$$, 'Q8 members are named like the parameters');
select is((select count(*) from orch.jobs as j where j.agent = 'm'), 4::bigint, 'Q8 and nothing else was queued');
select ok(bool_and(m.id > n.id), 'Q8 numbers grow with the position') from many as m join many as n on n.position < m.position and m.position <> 4;
select throws_like(format('select orch.enqueue_many(%L)', c.given), c.message, 'Q8 refused: ' || coalesce(c.given, 'null'))
  from (values (null, '%array%'), ('{}', '%object%array%'), ('[{"agent": "m"}, 5]', 'job 2: %number%object%'), ('[{}]', 'job 1: agent%'),
               ('[{"agent": "m"}, {"agent": "m", "prio": 1}]', 'job 2: member "prio"%priority%'), ('[{"agent": "m", "priority": "high"}]', 'job 1: priority "high"%'),
               ('[{"agent": "m", "priority": 99999999999}]', 'job 1: priority%'), ('[{"agent": "m", "run_at": "soon"}]', 'job 1: run_at "soon"%'),
               ('[{"agent": "m", "unique_for": "?", "unique_key": "k"}]', 'job 1: unique_for "?"%'), ('[{"agent": "m", "tags": "x"}]', 'job 1: tags%'),
               ('[{"agent": "m"}, {"agent": "m", "unique_for": "1 h"}]', 'job 2: unique_for%'), ('[{"agent": "m"}, {"agent": "m"}, {"agent": "x y"}]', 'job 3: agent "x y"%'))
    as c (given, message);
select throws_ok($$select orch.enqueue_many('[{"agent": "m"}, {"agent": "x y"}]')$$, 'OR422', null, 'Q8 with its SQLSTATE');
select is((select count(*) from orch.jobs as j where j.agent = 'm'), 4::bigint, 'Q8 a wrong array queues nothing');
-- Q8: retry and cancel.
select throws_ok(format('select orch.%s(%s)', f, n), 'OR404', null, format('Q8 %s: job %s does not exist', f, n))
  from unnest(array['retry_job', 'cancel_job']) as f cross join unnest(array['null', '0', '999999999']) as n;
select orch.enqueue('again', 'x', 'acme/shop', 3, max_attempts => 4, tags => '{t}', limit_key => 'api');
select matches(orch.retry_job((select j.id from orch.jobs as j where j.agent = 'again')), 'is queued already', 'Q8 a queued job is not retried');
select matches(orch.cancel_job((select j.id from orch.jobs as j where j.agent = 'again')), 'is cancelled$', 'Q8 a queued job is cancelled');
select matches(orch.cancel_job((select j.id from orch.jobs as j where j.agent = 'again')), 'is cancelled already', 'Q8 once');
select matches(orch.retry_job((select j.id from orch.jobs as j where j.agent = 'again')), 'does the work', 'Q8 and its work is done again');
select results_eq($$select distinct j.content, j.repo, j.priority, j.max_attempts, j.tags, j.limit_key from orch.jobs as j where j.agent = 'again'$$,
                  $$values ('x', 'acme/shop', 3, 4, '{t}'::text[], 'api')$$, 'Q8 as it was');
select * from finish();
rollback;
