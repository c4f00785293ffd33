begin;
\ir support.inc
select * from no_plan();

create temp table run as select pg_temp.drive('review') as id;
select orch.run_started(id, 4000, '1', 'boot', '/data/logs/7.log') from run;
create temp table task as select t.* from orch.tasks as t;

-- GET /tasks
select is(orch.tasks_report('unfinished', null, 50, null) #>> '{tasks,0,work_item}', 'SHOP-007', 'H1 unfinished tasks');
select is(orch.tasks_report('finished', null, 50, null), '{"tasks": [], "next": null}', 'H1 none has ended');
select is(jsonb_array_length(orch.tasks_report('all', 'acme/blog', 50, null) -> 'tasks'), 0, 'H1 of one repository');
select pg_temp.board('i-2', 'to-analyse', seq => 8, title => 'Second');
select is(orch.tasks_report('all', null, 1, null) #>> '{tasks,0,title}', 'Second', 'H1 the newest first');
select is(orch.tasks_report('all', null, 1, (orch.tasks_report('all', null, 1, null) ->> 'next')::bigint) #>> '{tasks,0,title}', 'Add a cart', 'H1 a page goes on');
select is(orch.tasks_report('all', null, 50, null) ->> 'next', null, 'H1 and ends');

-- GET /jobs/{id}, /runs/{id}/log, /tasks/{id}/why
select is(orch.job_report(j.id) #>> '{job,work_item}', 'SHOP-007', 'H1 a job') from orch.jobs as j where j.status = 'running';
select is(jsonb_array_length(orch.job_report(j.id) -> 'runs'), 1, 'H1 and its runs') from orch.jobs as j where j.status = 'running';
select is(orch.job_report(-1), null, 'H1 no such job');
select results_eq($$select l.node, l.log_path, l.is_ended from run cross join orch.run_log(run.id) as l$$, $$values ('n1', '/data/logs/7.log', false)$$, 'R3 where a log is');
select is_empty('select from orch.run_log(-1)', 'R3 no such run');
select is(jsonb_array_length(orch.story_report('SHOP-007') -> 'story'), (select count(*)::int from orch.why('SHOP-007')), 'H1 the story, line by line');
select matches(orch.story_report('SHOP-007') #>> '{story,-1,what}', '^now: ', 'H1 its last line is the present');
select throws_ok($$select orch.story_report('SHOP-999')$$, 'OR404', null, 'H1 no such story');

-- GET /events
create function pg_temp.card(item text default 'SHOP-007', url text default 'https://plane.example.com/')
returns jsonb language sql as $$
    select c.value from jsonb_array_elements(orch.board_report(url) -> 'tasks') as c where c.value ->> 'work_item' = item
$$;
select is(pg_temp.card() ->> 'stage', 'review', 'H3 a card knows its stage');
select is(pg_temp.card() #>> '{run,agent}', 'reviewer', 'H3 what runs');
select is(pg_temp.card() ->> 'url', format('https://plane.example.com/acme/projects/p-1/issues/i-1'), 'H3 where its issue is');
select is(pg_temp.card(url => '') ->> 'url', null, 'H3 or that there is no board');
select matches(pg_temp.card() ->> 'why', '^reviewer works on n1', 'H3 why it is not further');
select is(orch.board_report('') -> 'counts', '{"queued": 0, "held": 0, "running": 1}', 'H3 jobs are counted');
select is(orch.board_report('') #>> '{stages,0}', 'created', 'H3 stages are in their order');
select is(jsonb_array_length(orch.board_report('') -> 'nodes'), 2, 'H3 nodes');
select orch.freeze('acme/shop', 'the shop is broken');
select is(orch.board_report('') #>> '{frozen,0,reason}', 'the shop is broken', 'H3 what is frozen, and why');
select pg_temp.finish(id, 'failed', '{"cost_usd": 1.25, "message": "no"}') from run;
select is((orch.board_report('') ->> 'cost_today_usd')::numeric, 1.25, 'H3 the cost of the day');
select is((pg_temp.card() ->> 'cost_usd')::numeric, 1.25, 'H3 and of the task');
select is((pg_temp.card() ->> 'last_run_id')::bigint, id, 'H3 the run whose log is shown when none is open') from run;
select is(orch.board_report(''), orch.board_report(''), 'H3 nothing of it changes by itself');
select orch.stop_task('SHOP-007', 'enough');
select is(pg_temp.card() ->> 'stage', 'cancelled', 'H3 a stopped task is shown for a day, under its own name');
update orch.tasks set finished_at = now() - interval '25 hours' where stage = 'cancelled';
select is(pg_temp.card(), null, 'H3 and not longer');
select is((select w.board::jsonb from orch.watch('', 0) as w), orch.board_report(''), 'H1 the events carry the board');
select is((select w.moves from orch.watch('', 0) as w), '[]', 'H1 and no transition that is not committed yet');
select * from finish();
rollback;
