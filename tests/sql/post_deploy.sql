-- M4: what was deployed is watched.
begin;
\ir support.inc
select * from no_plan();
select orch.publish_settings('{"monitored_repos": "acme/shop,acme/other"}');
create function pg_temp.rules() returns jsonb language sql as $$ select '{"acme/shop": {"window_ms": 900000}}'::jsonb $$;
create function pg_temp.due() returns bigint language sql as $$ select d.monitor_id from orch.monitors_due(pg_temp.rules()) as d $$;
-- A check that is due now; null = it was good.
create function pg_temp.check_it(error text, rollback boolean default false) returns text language plpgsql as $$
begin
    update orch.monitors set next_at = now() where ended_at is null;
    return (select orch.monitor_checked(pg_temp.due(), error, '30 s', 3, rollback));
end
$$;
create function pg_temp.shown() returns text language sql as $$
    select o.payload ->> 'key' from orch.outbox as o where o.kind = 'board_status' order by o.id desc limit 1
$$;

savepoint fresh;
select pg_temp.drive('done');
select is(pg_temp.stage(), 'done', 'M4 what is watched is done');
select is((select m.state from orch.monitors as m), 'WATCHING', 'M4 and a watch over it has begun');
select is(pg_temp.shown(), 'done', 'B4 a board without that status shows done');
rollback to fresh;
insert into orch.board_states (project_id, state_id, name, key, state_group)
select p.id, 's-mon', 'Monitoring after Deploy', 'monitoring', 'started' from orch.projects as p where p.name = 'shop';
select pg_temp.drive('done');
savepoint watching;
select is(pg_temp.shown(), 'monitoring', 'B4 a board that has the status shows that it is being watched');
select is((select m.until from orch.monitors as m), null, 'M4 the window waits for the first round that sees it');
select isnt(pg_temp.due(), null, 'M4 a check is due at once');
select is((select m.until - now() from orch.monitors as m), '15 minutes', 'M4 and the window has begun');
select is(pg_temp.check_it(null), 'WATCHING', 'M4 a good check says nothing yet');
select is(pg_temp.due(), null, 'M4 the next one waits for its interval');
update orch.monitors set until = now();
savepoint over;
select is(pg_temp.check_it(null), 'HEALTHY', 'M4 a good check at the end of the window: healthy');
select is(pg_temp.shown(), 'done', 'B4 and the board shows done');
select matches((select o.payload ->> 'text' from orch.outbox as o where o.kind = 'board_comment' order by o.id desc limit 1), '^Healthy: .* 2 checks', 'M4 which is told');
select is(pg_temp.check_it('late'), null, 'M4 a check that comes late changes nothing');
rollback to over;
select is(pg_temp.check_it('status 503'), 'WATCHING', 'M4 a window that ends on a failed check goes on');
select is(pg_temp.check_it(null), 'HEALTHY', 'M4 until it is known which it is');
rollback to watching;

select is(pg_temp.check_it('status 503'), 'WATCHING', 'M4 one failure');
select is(pg_temp.check_it('status 503'), 'WATCHING', 'M4 two');
select is(pg_temp.check_it(null), 'WATCHING', 'M4 a good one: they count anew');
select is((pg_temp.check_it('status 503'), pg_temp.check_it('status 503'), pg_temp.check_it('status 502'))::text, '(WATCHING,WATCHING,DEGRADED)',
          'M4 three in a row: degraded');
savepoint degraded;
select matches((select f.reason from orch.repo_freeze as f where f.repo = 'acme/shop'), '^SHOP-007 is degraded since its deploy: 3 checks in a row failed, the last: status 502$',
               'M4 the repository is frozen, with the reason');
select is(pg_temp.shown(), 'blocked', 'B4 the board shows it');
select is((select count(*) from orch.outbox as o where o.kind = 'alert' and o.payload ->> 'text' like '%degraded%'), 1::bigint, 'M4 one alert');
select is_empty($$select from orch.jobs as j where j.agent = 'rollback'$$, 'M4 no rollback command, no job');
select pg_temp.board('i-2', 'to-analyse', seq => 8);
select pg_temp.deliver('task_start', '{"base": "b0", "head": "h0"}');
select matches((select j.held from orch.jobs as j where j.status = 'queued'), '^frozen since', 'P12 new tasks wait');
select is(orch.unfreeze('acme/shop'), 'acme/shop takes new tasks again', 'M4 unfreeze lifts it');
select is(orch.unfreeze('acme/shop'), 'acme/shop was not frozen', 'M4 and is idempotent');
select is((select j.held from orch.jobs as j where j.status = 'queued'), null, 'P12 and they run');
select is((orch.report_post_deploy() ->> 'degraded_count')::int, 1, 'H1 the block counts it');
rollback to watching;

select orch.node_agents('n1', '00000000-0000-0000-0000-000000000001', '{analyst,rollback}', '{}');
select pg_temp.check_it('down'), pg_temp.check_it('down'), pg_temp.check_it('down', true);
select results_eq($$select j.repo, j.priority, j.max_attempts, j.id from orch.jobs as j where j.agent = 'rollback'$$,
                  $$select 'acme/shop', 100, 1, m.rollback_job from orch.monitors as m$$, 'M4 the rollback is an ordinary job of the repository, once');
select matches((select j.content from orch.jobs as j where j.agent = 'rollback'), 'Roll acme/shop back to what ran before commit h7', 'M4 that knows what to undo');
select isnt(pg_temp.claim(), null, 'M4 a freeze does not hold it');
rollback to watching;
select orch.node_agents('n1', '00000000-0000-0000-0000-000000000001', '{analyst}', '{}'), orch.node_agents('n2', '00000000-0000-0000-0000-000000000002', '{analyst}', '{}');
select pg_temp.check_it('down'), pg_temp.check_it('down');
select is(pg_temp.check_it('down', true), 'DEGRADED', 'M4 a rollback that nobody can run keeps nothing from being frozen');
select matches((select o.payload ->> 'text' from orch.outbox as o where o.kind = 'alert' order by o.id desc limit 1), 'It is not rolled back: .*rollback', 'M4 and is told');
rollback to watching;

-- The next deploy; a monitor that is taken out; one that was never there.
select orch.supersede_monitor('acme/shop');
select is((select m.state from orch.monitors as m), 'SUPERSEDED', 'M4 the next deploy ends the watch over the one before');
rollback to watching;
select is_empty($$select orch.monitors_due('{}')$$, 'M4 without a monitor in the file there is nothing to do');
select is((select m.state from orch.monitors as m), 'ENDED', 'M4 and the watch ends, visibly');
rollback to fresh;
select orch.set_setting('post_deploy_enabled', 'off');
select pg_temp.drive('done');
select is_empty('select from orch.monitors', 'L4 switched off, nothing is watched');
rollback to fresh;
select orch.publish_settings('{"monitored_repos": "acme/shopping"}');
select pg_temp.drive('done');
select is_empty('select from orch.monitors', 'M4 a repository without a monitor is not watched');

select * from finish();
rollback;
