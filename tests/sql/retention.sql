begin;
\ir support.inc
select * from no_plan();

create function pg_temp.prune(rounds int default 1, at_most int default 1000)
returns bigint language sql as $$ select sum(p.pruned) from generate_series(1, rounds) as r cross join lateral (select r.r) as x cross join lateral orch.prune(at_most + 0 * x.r) as p $$;
create function pg_temp.walk_again()
returns void language sql as $$ update orch.walks set began_at = now() - interval '2 days' $$;

-- Q9: jobs. Ten that ended long ago, one that ended lately, one that never ended.
insert into orch.jobs (agent, status, created_at, finished_at) select 'old', 'done', now() - interval '60 days', now() - interval '59 days' from generate_series(1, 10);
insert into orch.jobs (agent, status, created_at, finished_at) values ('late', 'failed', now() - interval '60 days', now() - interval '1 day');
insert into orch.jobs (agent, status, created_at) values ('queued', 'queued', now() - interval '60 days');
insert into orch.jobs (agent, status, created_at, finished_at) values ('old', 'cancelled', now() - interval '60 days', now() - interval '59 days');
insert into orch.jobs (agent, status, finished_at) values ('young', 'done', now());
insert into orch.agent_runs (job_id, agent, node, incarnation, attempt, ended_at, outcome)
select j.id, j.agent, 'n1', '00000000-0000-0000-0000-000000000001', 1, now(), 'ok' from orch.jobs as j where j.agent = 'old' and j.status = 'done';
select results_eq('select p.pruned, p.goes_on from orch.prune(4) as p', 'values (4, true)', 'Q9 a small batch, and more is waiting');
select is(pg_temp.prune(5, 4), 7::bigint, 'Q9 batch by batch');
select results_eq('select j.agent::text from orch.jobs as j order by 1', $$values ('late'), ('queued'), ('young')$$, 'Q9 what is young, or has not ended, stays');
select is((select count(*) from orch.agent_runs as r where r.agent = 'old'), 0::bigint, 'Q9 runs go with their job');
select results_eq('select p.pruned, p.goes_on from orch.prune(4) as p', 'values (0, false)', 'Q9 then nothing is left');
update orch.jobs set finished_at = now() - interval '31 days' where agent = 'late';
select is(pg_temp.prune(), 0::bigint, 'Q9 rows that stayed are not read again');
select pg_temp.walk_again();
select is(pg_temp.prune(), 1::bigint, 'Q9 before the next day');

-- Q9: what has a task stays, and a job whose process may still live.
delete from orch.jobs where status = 'queued';
select pg_temp.drive('architecture');
update orch.jobs set status = 'cancelled', created_at = now() - interval '60 days', finished_at = now() - interval '59 days' where task_id is not null;
insert into orch.jobs (agent, status, created_at, finished_at) values ('stopping', 'cancelled', now() - interval '60 days', now() - interval '59 days');
insert into orch.agent_runs (job_id, agent, node, incarnation, attempt)
select j.id, j.agent, 'n1', '00000000-0000-0000-0000-000000000001', 1 from orch.jobs as j where j.agent = 'stopping';
select pg_temp.walk_again();
select is(pg_temp.prune(), 0::bigint, 'Q9 jobs of tasks, and one whose run is open, stay');

-- Q9: deliveries and effects.
insert into orch.events (source, delivery_key, kind, facts, body, status, next_try_at, received_at)
values ('gitea', 'o1', 'push', '{}', '{}', 'ignored', null, now() - interval '91 days'), ('gitea', 'o2', 'push', '{}', '{}', 'failed', now(), now() - interval '91 days'),
       ('gitea', 'o3', 'push', '{}', '{}', 'failed', null, now() - interval '91 days'), ('gitea', 'o4', 'push', '{}', '{}', 'routed', null, now() - interval '89 days');
update orch.events set received_at = now() - interval '91 days' where source = 'plane';
select pg_temp.walk_again();
select is(pg_temp.prune(), 2::bigint + (select count(*) from orch.events as e where e.source = 'plane' and not exists (select from orch.transitions as t where t.event_id = e.id)),
          'Q9 settled deliveries go');
select results_eq($$select e.delivery_key from orch.events as e where e.source = 'gitea' order by 1$$, $$values ('o2'), ('o4')$$, 'Q9 not those that will be tried again, or are young');
select ok((select count(*) > 0 from orch.transitions as t where t.event_id is not null), 'Q9 nor those that are a task''s history');
update orch.outbox set created_at = now() - interval '95 days', status = 'done', ended_at = now() - interval '94 days', token = null;
insert into orch.outbox (task_id, kind, lane, status, created_at, ended_at)
select t.id, 'alert', 'x', s.status, now() - interval '95 days', now() - interval '94 days' from orch.tasks as t cross join (values ('dead'), ('skipped')) as s (status);
insert into orch.outbox (kind, lane, status, created_at) values ('alert', 'x', 'pending', now() - interval '95 days');
select pg_temp.walk_again();
select ok(pg_temp.prune() > 0, 'Q9 ended effects go');
select results_eq('select o.status from orch.outbox as o order by 1', $$values ('dead'), ('pending')$$, 'Q9 not the pending ones, nor a dead one of an unfinished task');

-- Q9: keys whose period is over.
insert into orch.job_keys (unique_key, job_id, expires_at) values ('over', 1, now()), ('taken', 1, now() + interval '1 s');
select is(pg_temp.prune(), 1::bigint, 'Q8 a key whose period is over goes');
select is((select k.unique_key from orch.job_keys as k), 'taken', 'Q8 one that is taken stays');

-- Q9: nothing is pruned where the setting says so, and nonsense is refused.
select orch.set_setting('retention_jobs', '0 s');
update orch.jobs set created_at = now() - interval '60 days', finished_at = now() - interval '59 days' where agent = 'young';
select pg_temp.walk_again();
select is(pg_temp.prune(), 0::bigint, 'Q9 retention_jobs 0: jobs are kept for ever');
select throws_ok(format('select * from orch.prune(%L)', n), 'OR422', null, 'Q9 refused: ' || coalesce(n, 'null')) from unnest(array[null, '0', '-1', '100001']) as n;
select * from finish();
rollback;
