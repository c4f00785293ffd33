begin;
\ir support.inc
select * from no_plan();

create temp table run as select pg_temp.drive('development') as id;
create function pg_temp.tally(key text)
returns bigint language sql as $$ select coalesce((orch.report_reconcile() -> 'skipped' ->> tally.key)::bigint, 0) $$;
create function pg_temp.age(by interval default '1 hour')
returns void language sql as $$
    update orch.tasks set stage_since = stage_since - age.by;
    update orch.jobs set finished_at = finished_at - age.by where finished_at is not null
$$;
create function pg_temp.round()
returns text language sql as $$ select r.count || ' moved, ' || r.skipped || ' skipped' || coalesce(', ' || r.failed, '') from orch.run_duty('reconciler', 'n1', '10 s') as r $$;

-- L2: a look that was lost. The status of CI is stored, and nobody asked the gate.
select pg_temp.finish((select id from run), 'ok', '{"head": "h3", "evidence": {"06-adr/": {"count": 1}}}');
insert into orch.ci_statuses (repo, sha, context, state, changed_at) values ('acme/shop', 'h3', 'ci', 'success', now());
select is(pg_temp.round(), '0 moved, 0 skipped', 'L2 within its grace nobody looks at a task');
select pg_temp.age();
select is(pg_temp.round(), '0 moved, 0 skipped', 'L2 a pull request that is promised comes first');
select pg_temp.deliver('pull_open', '{"number": 5}');
savepoint idle;
select is(pg_temp.round(), '1 moved, 0 skipped', 'L2 then the gate is asked again');
select is(pg_temp.stage(), 'review', 'L2 and the task goes on');
select results_eq($$select x.cause, x.actor from orch.transitions as x order by x.id desc limit 1$$, $$values ('check_ci_green', 'reconciler')$$, 'P10 by whom is recorded');
select is((select count(*) from orch.jobs as j where j.stage = 'review' and j.status = 'queued'), 1::bigint, 'L2 with its one job');
select pg_temp.age();
select is(pg_temp.round(), '0 moved, 0 skipped', 'L2 a queued job is somebody else');
select is((orch.report_reconcile() ->> 'moved')::int, 1, 'H1 the block tells how many it moved');
rollback to idle;
update orch.ci_statuses set state = 'failure';
select is(pg_temp.round(), '1 moved, 0 skipped', 'L2 a gate that rejects sends back');
select is((select j.status from orch.jobs as j order by j.id desc limit 1), 'queued', 'L2 the developer is asked again');
rollback to idle;
update orch.ci_statuses set state = 'pending';
select is(pg_temp.round(), '0 moved, 0 skipped', 'G3 pending is not green for the reconciler');
select matches(orch.report_reconcile() ->> 'idle', '"work_item": "SHOP-007"', 'H1 who is idle is told');
rollback to idle;
update orch.settings set override = '2 days' where name = 'reconcile_grace';
select is(pg_temp.round(), '0 moved, 0 skipped', 'L2 the grace is a setting');
rollback to idle;

-- Evidence files, too, as the newest run left them; an old verdict is none.
update orch.tasks set stage = 'review', stage_files = '{"12-review.md": "b1"}',
       evidence = '{"12-review.md": {"verdict": "APPROVED", "blob": "b1"}}';
select is(pg_temp.round(), '0 moved, 0 skipped', 'G2 the verdict of an earlier round moves nothing');
update orch.tasks set evidence = '{"12-review.md": {"verdict": "APPROVED", "blob": "b2"}}';
select is(pg_temp.round(), '1 moved, 0 skipped', 'L2 a verdict that is stored does');
select is(pg_temp.stage(), 'testing', 'L2 to the next stage');
rollback to idle;

-- Who is left alone, each counted.
select orch.block_task(t.id, 'needs_input', 'which host?') from orch.tasks as t;
select is(pg_temp.round(), '0 moved, 1 skipped', 'L2 a task that needs input is left alone');
select is(pg_temp.tally('needs_input'), 1::bigint, 'L2 and counted');
select orch.block_task(t.id, 'blocked', 'the licence forbids it') from orch.tasks as t;
select is(pg_temp.round(), '0 moved, 1 skipped', 'L2 a blocked one too');
select is(pg_temp.tally('blocked'), 1::bigint, 'L2 and counted for itself');
insert into orch.transitions (task_id, from_stage, to_stage, cause, actor)
select t.id, 'review', 'development', 'gate_rejected', 'reviewer' from orch.tasks as t cross join generate_series(1, 4);
select is(pg_temp.round(), '0 moved, 1 skipped', 'P8 so is an escalated one');
select is(pg_temp.tally('escalated'), 1::bigint, 'P8 and counted as such');
rollback to idle;

-- TC-12: a cancelled task.
select is((select s.result from orch.stop_task('SHOP-007') as s), 'cancelled', 'TC-12 stopped');
update orch.tasks set stage_since = stage_since - interval '1 hour';
create temp table before as select to_jsonb(t) as task, (select count(*) from orch.jobs) as jobs, (select count(*) from orch.outbox) as effects from orch.tasks as t;
select is(pg_temp.round(), '0 moved, 1 skipped', 'TC-12 the reconciler leaves a cancelled task alone');
select is(pg_temp.round(), '0 moved, 1 skipped', 'TC-12 each time');
select is(pg_temp.tally('terminal'), 2::bigint, 'TC-12 and the counter of skips rises');
select results_eq('select to_jsonb(t), (select count(*) from orch.jobs), (select count(*) from orch.outbox) from orch.tasks as t', 'select * from before',
                  'TC-12 nothing of it has changed');
update orch.tasks set finished_at = finished_at - interval '2 days';
select is(pg_temp.round(), '0 moved, 0 skipped', 'L2 a task that ended long ago costs no look');
rollback to idle;

-- A deferred STOP, and a deploy, belong to others.
update orch.tasks set cancel_requested_at = now();
select is(pg_temp.round(), '0 moved, 0 skipped', 'S7 a deferred STOP is the sweeper''s');
rollback to idle;

-- One that cannot be judged does not keep the others waiting.
update orch.tasks set evidence = '{"06-adr/": {"count": "many"}}', stage = 'architecture';
set local client_min_messages = error;
select is(pg_temp.round(), '0 moved, 0 skipped', 'L2 a task that cannot be judged stays where it is');
select is((orch.report_reconcile() ->> 'failures')::int, 1, 'L2 and is counted as a failure');
select * from finish();
rollback;
