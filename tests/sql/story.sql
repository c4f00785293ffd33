begin;
\ir support.inc
select * from no_plan();

-- X1: what orch.why() tells of a STOP. The clock stands still in a transaction, so moments that matter are set.
create function pg_temp.tells(ref text, line text, words text)
returns text language sql as $$
    select isnt_empty(format('select from orch.why(%L) as w where w.what ~ %L', ref, line),
                      'X1 ' || words || coalesce(' [' || (select string_agg(w.what, E'\n') from orch.why(ref) as w
                                                           having not bool_or(w.what ~ line)) || ']', ''))
$$;
create function pg_temp.is_silent(ref text, line text, words text)
returns text language sql as $$ select is_empty(format('select w.what from orch.why(%L) as w where w.what ~ %L', ref, line), 'X1 ' || words) $$;
create function pg_temp.state()
returns text language sql as $$ select s.state || coalesce(': ' || s.waits_for, '') from orch.stops as s where s.work_item = 'SHOP-007' order by s.id desc limit 1 $$;
create function pg_temp.fail(kind text, error text, is_permanent boolean)
returns void language sql as $$
    update orch.outbox as o set next_at = now() where o.status = 'pending';
    select orch.effect_failed(e.effect_id, e.token, error, '1 h', is_permanent)
      from orch.claim_effects('n1', 100) as e where e.kind = fail.kind;
$$;

savepoint untouched;
create temp table run as select pg_temp.drive('review') as id;
select orch.run_started(id, 4000, '1', 'boot', '/log') from run;
savepoint at_work;

-- Asked by whom, through which door, why, when, and whether at once.
select orch.stop_task('SHOP-007', 'wrong customer', 'http', 'carol', null, now() - interval '20 ms');
select pg_temp.tells('SHOP-007', '^STOP was asked for by carol through http: wrong customer$', 'who asked, through which door and why');
select pg_temp.tells('SHOP-007', '^review -> cancelled: the STOP took effect at once, 20 ms after it was heard of; jobs cancelled: 1$',
                     'that it took effect at once, and what became of the jobs');
select is((select w.at from orch.why('SHOP-007') as w where w.what like 'STOP was asked%'), now() - interval '20 ms', 'X1 a STOP stands at the time when it was heard of');
select results_eq($$select w.what from orch.why('SHOP-007') with ordinality as w (at, what, nr)
                     where w.what like 'outstanding%' or w.what like 'now%' order by w.nr desc limit 1$$,
                  $$select w.what from orch.why('SHOP-007') as w where w.what like 'now: %'$$, 'X1 the last line is the present');

-- What is stopped: the run, step by step.
select matches(pg_temp.state(), '^stopping: run \d+ \(reviewer, job \d+\) has not ended on node n1: its node has not told yet that SIGTERM was sent$', 'S11 stopping, on which node');
select pg_temp.tells('SHOP-007', '^now: stopped, and its process is being ended: run \d+ \(reviewer, job \d+\) has not ended on node n1', 'the present of it');
select pg_temp.tells('SHOP-007', '^outstanding: archive \(effect \d+\) waits for run \d+ to end$', 'the clean-up waits for the run');
select orch.run_stopping(r.id, r.stop_at + interval '77 ms', null) from orch.agent_runs as r join run using (id);
select matches(pg_temp.state(), 'SIGTERM was sent after 77 ms, SIGKILL follows after the grace$', 'S11 SIGTERM is out');
savepoint termed;
select orch.run_stopping(r.id, null, r.stop_at + interval '1050 ms') from orch.agent_runs as r join run using (id);
select matches(pg_temp.state(), 'SIGKILL was sent after 1050 ms$', 'S11 SIGKILL is out');
select pg_temp.finish(r.id, 'stopped', jsonb_build_object('signal', 9, 'tree_size', 3, 'gone_at', r.stop_at + interval '1087 ms'))
  from orch.agent_runs as r join run using (id);
select pg_temp.tells('SHOP-007', '^run \d+: reviewer, attempt 1 on n1 ended stopped by signal 9; SIGTERM after 77 ms, SIGKILL after 1050 ms; 3 processes under its warden, the last gone after 1087 ms$',
                     'what was stopped and how fast');
rollback to termed;
select pg_temp.finish(r.id, 'stopped', jsonb_build_object('exit_status', 0, 'tree_size', 1, 'gone_at', r.stop_at + interval '25 s'))
  from orch.agent_runs as r join run using (id);
select pg_temp.tells('SHOP-007', 'ended stopped with exit 0; SIGTERM after 77 ms, SIGKILL not needed; 1 process under its warden, the last gone after 25.0 s$',
                     'an agent that went by itself needs no SIGKILL');
rollback to termed;
update orch.nodes set beat_at = now() - interval '1 h', stopped_at = now() where node = 'n1';
select matches(pg_temp.state(), '^stopping: run \d+ \(reviewer, job \d+\) has not ended on node n1 \(last seen .*; its lease ended .*\): any node that is up closes it when the lease has ended$',
               'S11 a node that is gone: when it was last seen, and until when its processes may live');
update orch.nodes set stopped_at = null, beat_at = now() - interval '20 s' where node = 'n1';
select matches(pg_temp.state(), '^stopping: .* on node n1 \(last seen .*; its lease ends .*\): SIGTERM was sent after 77 ms', 'S11 a node that is late');
select pg_temp.finish(id, 'lost', '{"error": "the node is gone"}') from run;
select pg_temp.tells('SHOP-007', 'ended lost: the node is gone; SIGTERM after 77 ms; when its last process was gone is not known$', 'what is not known is said');
rollback to termed;

-- What is cleaned, what is outstanding, and when it is tried again.
select pg_temp.finish(r.id, 'stopped', jsonb_build_object('signal', 15, 'tree_size', 1, 'gone_at', r.stop_at + interval '90 ms')) from orch.agent_runs as r join run using (id);
select matches(pg_temp.state(), '^cleaning: archive \(effect \d+\) is about to be done$', 'S11 cleaning');
select pg_temp.fail('archive', 'no route to host', false);
select matches(pg_temp.state(), '^cleaning: archive \(effect \d+\) failed on attempt 1: no route to host; it is tried again at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d ', 'S11 what failed and when it is tried again');
select pg_temp.tells('SHOP-007', '^outstanding: worktree on n1 \(effect \d+\) comes after effect \d+ \(archive\)$', 'the rest comes after it');
select pg_temp.tells('SHOP-007', '^now: stopped, and being cleaned up: archive ', 'the present of it');
savepoint failing;
update orch.outbox set status = 'done', ended_at = now() where kind = 'archive';
update orch.nodes set beat_at = now() - interval '1 h' where node = 'n1';
select matches(pg_temp.state(), '^cleaning: worktree on n1 \(effect \d+\) waits for node n1 \(last seen .*; its lease ended .*\) to be started again$', 'S11 a worktree waits for its node');
rollback to failing;
update orch.outbox set next_at = now() where status = 'pending';
select pg_temp.deliver('archive', '{"path": "/data/archive/1", "files": 3, "head": "0123456789abcdef0123456789abcdef01234567"}');
select count(*) from orch.claim_effects('n1', 100) as e;
select matches(pg_temp.state(), '^cleaning: worktree on n1 \(effect \d+\) is under way on node n1, attempt 1$', 'S11 under way');
update orch.outbox set token = null, locked_until = null, attempts = 0;
select pg_temp.deliver('worktree_remove');
select pg_temp.tells('SHOP-007', '^archived on node n1: documents: 3 in /data/archive/1; the branch head 0123456789 is kept as refs/orch/archive/\d+$', 'what was archived and where');
select pg_temp.tells('SHOP-007', '^worktree removed on node n1$', 'the worktree is gone');
select pg_temp.tells('SHOP-007', '^to get its work back, on node n1: git -C /data/mirrors/acme/shop.git push file:///nowhere/shop.git refs/orch/archive/\d+:refs/heads/rescue/SHOP-007$',
                     'how to get the work back');
update orch.outbox set result = '{"path": null, "files": 0, "head": null}' where kind = 'archive';
select pg_temp.tells('SHOP-007', '^archived on node n1: no documents; there was no branch$', 'that there was nothing to archive');
select pg_temp.is_silent('SHOP-007', '^to get its work back', 'and nothing to get back');
savepoint archived;
select pg_temp.fail('branch_delete', 'protected branch', true);
select matches(pg_temp.state(), '^needs a hand: branch feature/\S+ \(effect \d+\) gave up on attempt 1: protected branch; when that is mended: select orch.retry_effect\(\d+\)$', 'S11 needs a hand, and which');
select pg_temp.tells('SHOP-007', '^now: stopped, but the clean-up needs a hand: .* select orch.retry_effect\(\d+\)$', 'the very line to run');
select is((select orch.retry_effect(o.id) from orch.outbox as o where 'select orch.retry_effect(' || o.id || ')' = substring(pg_temp.state() from 'select orch.retry_effect\(\d+\)')),
          (select 'effect ' || o.id || ' (branch_delete) is tried again' from orch.outbox as o where o.kind = 'branch_delete'), 'X1 which does it');
select matches(pg_temp.state(), '^cleaning: branch feature/\S+ \(effect \d+\) is about to be done, after: protected branch$', 'S11 cleaning again');

-- To Analyse meanwhile: a task of its own, whose branch waits.
select is(pg_temp.board('i-1', 'to-analyse'), 'routed: started', 'S9 the issue is started anew');
update orch.tasks set created_at = now() + interval '1 s' where stage = 'created';
select matches((select w.why from orch.why as w), '^the branch is made after the clean-up of task \d+: effect \d+ \(branch_delete\), which is tried again after: protected branch$',
               'X1 the new task says what it waits for');
select pg_temp.deliver('branch_delete');
select pg_temp.tells((select min(t.id)::text from orch.tasks as t), '^branch feature/SHOP-007-add-a-cart deleted on the forge$', 'the branch is gone');
select pg_temp.tells((select min(t.id)::text from orch.tasks as t), '^the issue was started anew by board:alice as task \d+: orch.why\(''\d+''\)$', 'what was started after it');
select pg_temp.tells((select min(t.id)::text from orch.tasks as t), '^now: stopped and clean; its issue goes on as task \d+$', 'the present of it');
select pg_temp.tells('SHOP-007', '^earlier tasks of this issue, each with a story of its own: orch.why\(''\d+''\)$', 'a work item is its newest task, which names the older');
select is(orch.find_story(f.ref), (select max(t.id) from orch.tasks as t), format('X1 %s finds the newest', f.ref)) from (values ('SHOP-007'), (' shop-007 '), ('i-1')) as f (ref);
select is(orch.find_story(t.ref), t.id, 'X1 and a tombstone the older: ' || t.ref)
  from (select t.id, unnest(array[t.work_item, t.plane_issue_id, t.id::text]) as ref from orch.tasks as t where t.stage = 'cancelled') as t;
select throws_ok(format('select * from orch.why(%L)', u.ref), 'OR404', null, 'X1 and nothing is found by ' || u.ref) from (values ('SHOP-999'), ('i-1#cancelled-0'), ('')) as u (ref);
rollback to archived;
select pg_temp.deliver('branch_delete');
select is(pg_temp.state(), 'clean', 'S11 clean');
select pg_temp.tells('SHOP-007', '^now: stopped and clean; To Analyse starts its issue anew, from the default branch$', 'the present of it, and how to start anew');
select pg_temp.is_silent('SHOP-007', '^outstanding: (archive|worktree|branch|run)', 'nothing is outstanding');
rollback to at_work;

-- A run that was claimed and never started; a STOP without a reason.
update orch.agent_runs set started_at = null where id = (select id from run);
select orch.stop_task('SHOP-007', via => 'orchctl', actor => 'dave');
select pg_temp.tells('SHOP-007', '^STOP was asked for by dave through orchctl, without a reason$', 'no reason is invented');
select matches(pg_temp.state(), 'it was claimed, and is not to be started any more$', 'S11 a run that was only claimed');
select pg_temp.finish(id, 'stopped') from run;
select pg_temp.tells('SHOP-007', 'ended stopped; nothing was signalled: it had not been started$', 'nothing was signalled');
rollback to at_work;

-- The board: asked again, refused, waiting. Without a stored word of a STOP there is no line.
select pg_temp.is_silent('SHOP-007', 'STOP', 'no STOP, no word of it');
select orch.set_setting('stop_status_enabled', 'off');
select pg_temp.board('i-1', 'stop', 'bob');
select pg_temp.tells('SHOP-007', '^a STOP by board:bob through board was refused: STOP is switched off: setting stop_status_enabled ', 'a STOP that was refused by the kill-switch');
select orch.set_setting('stop_status_enabled', null);
select orch.set_setting('stop_status_repos', 'blog');
select pg_temp.board('i-1', 'stop', 'bob');
select pg_temp.tells('SHOP-007', '^a STOP by board:bob through board was refused: STOP is not in force for acme/shop: setting stop_status_repos is "blog"$', 'or by the scope');
select orch.set_setting('stop_status_repos', null);
savepoint in_force;
update orch.projects set states_read_at = null;
delete from orch.board_states where state_id = 's-stop';
select matches(pg_temp.board('i-1', 'stop'), '^waiting', 'S1 the board is asked what the status is');
select pg_temp.tells('SHOP-007', '^outstanding: a move of the card by board:alice \(event \d+\) waits: status s-stop is not known yet; the board is being asked; it is tried again at ',
                     'a STOP that has not arrived yet');
update orch.events set status = 'failed', next_try_at = null where status = 'waiting';
select pg_temp.tells('SHOP-007', '^a move of the card by board:alice \(event \d+\) failed: .*; when that is mended: update orch.events set next_try_at = now\(\), attempts = 0 where id = \d+$',
                     'or never will without a hand');
rollback to in_force;
select pg_temp.board('i-1', 'stop');
select pg_temp.board('i-1', 'stop', 'bob');
select pg_temp.tells('SHOP-007', '^STOP was asked for by board:alice through board: STOP on the board$', 'the board as the door');
select pg_temp.tells('SHOP-007', '^STOP again by board:bob through board: nothing changed, it was stopped already$', 'who asked again');
rollback to untouched;

-- Deferred: why exactly, what it waits for, and how it ends.
create temp table run as select pg_temp.drive('deploy') as id;
select pg_temp.board('i-1', 'stop', 'bob');
select pg_temp.board('i-1', 'stop', 'carol');
savepoint deferred;
select pg_temp.tells('SHOP-007', '^the STOP is deferred: a deploy is under way since [^(]+\(job \d+, run \d+ on node n1\); queued jobs cancelled: 0$', 'deferred, why exactly');
select pg_temp.tells('SHOP-007', '^STOP again by board:carol through board: nothing changed, a STOP of SHOP-007 waits since .* for its deploy to end$', 'who asked again');
select pg_temp.tells('SHOP-007', '^now: STOP by board:bob \(asked [0-9:]+\) is deferred until this has ended: a deploy is under way since .*\(job \d+, run \d+ on node n1\)$', 'what it waits for');
select matches(pg_temp.state(), '^deferred: a deploy is under way since ', 'S11 deferred, why exactly');
update orch.nodes set beat_at = now() - interval '20 s' where node = 'n1';
select matches(pg_temp.state(), '^deferred: a deploy .* run \d+ on node n1 \(last seen .*; its lease ends .*\)\)$', 'S11 and whether the node that deploys answers');
rollback to deferred;
update orch.agent_runs set claimed_at = now() - interval '60 s' where id = (select id from run);
update orch.deploys set initiated_at = now() - interval '60 s';
update orch.tasks set cancel_heard_at = now() - interval '30 s', cancel_requested_at = now() - interval '30 s';
select pg_temp.finish(id, 'failed', '{"exit_status": 1, "error": "hook failed"}') from run;
select pg_temp.tells('SHOP-007', '^the STOP is deferred: a deploy is under way since [^(]+\(job \d+, run \d+ on node n1\)', 'that it was deferred, and why, when it is over');
select pg_temp.tells('SHOP-007', '^its deploy ended: FAILED, ', 'how the deploy ended');
select pg_temp.tells('SHOP-007', '^deploy -> cancelled: the STOP took effect when it could, 30.0 s after it was asked for; jobs cancelled: 0$', 'how long it waited');
rollback to deferred;
select pg_temp.finish(id, 'ok', '{"head": "h7", "evidence": {"14-deploy-log.md": {"deploy_status": "SUCCESS"}}}') from run;
select matches(pg_temp.state(), '^deferred: a deploy is under way since [^(]+\(its merge is not verified yet\)$', 'S11 the hook has ended, the merge not');
select pg_temp.deliver('pull_merge', '{"merge_sha": "m1"}');
select pg_temp.tells('SHOP-007', '^STOP was asked for by board:bob through board: STOP on the board$', 'a STOP that came too late is told');
select pg_temp.tells('SHOP-007', '^the STOP by board:bob came too late: already in production$', 'and that it was');
select pg_temp.tells('SHOP-007', '^now: done; outstanding: worktree on n1 \(effect \d+\) is about to be done$', 'what a finished task still waits for');
select pg_temp.deliver('worktree_remove');
select pg_temp.tells('SHOP-007', '^now: done, nothing is left to do$', 'and when it does not');
select pg_temp.board('i-1', 'stop', 'erin');
select pg_temp.tells('SHOP-007', '^STOP again by board:erin through board: nothing changed, too late: SHOP-007 is done$', 'a STOP of what is done');
rollback to untouched;

-- The lease and a job: the other window. Parked: none.
select pg_temp.drive('parked');
savepoint parked;
select orch.stop_task('SHOP-007', 'not today', actor => 'alice');
select pg_temp.tells('SHOP-007', '^its deploy, which had not begun, is given up: the merge lease goes to the next task$', 'a parked deploy is given up');
rollback to parked;
insert into orch.jobs (agent, repo, task_id, stage) select 'tester', t.repo, t.id, 'testing' from orch.tasks as t;
create temp table run as select pg_temp.claim() as id;
insert into orch.jobs (agent, repo, task_id, stage) select 'developer', t.repo, t.id, 'development' from orch.tasks as t;
select orch.stop_task('SHOP-007', 'not today', actor => 'alice');
select pg_temp.tells('SHOP-007', '^the STOP is deferred: the merge lease of acme/shop is held and job \d+ is running \(tester, run \d+ on node n1\); queued jobs cancelled: 1$', 'deferred for the lease and a job, and which');
delete from orch.merge_leases;
update orch.agent_runs set ended_at = now() - interval '1 s', outcome = 'ok' where id = (select id from run);
select matches((select w.why from orch.why as w), 'is about to be applied by the next sweep$', 'S7 a window that nobody closed is the sweeper''s');
select is(pg_temp.state(), 'deferred: the next sweep: what it waited for has ended', 'S7 and orch.stops says so');
rollback to untouched;

-- The table "Stage by stage" of docs/stop.md. Each stage is driven to, stopped, and undone again.
create function pg_temp.stopped_in(stage text)
returns text language plpgsql as $$
declare
    answer text;
begin
    perform pg_temp.drive(case when stopped_in.stage in ('done', 'cancelled') then 'all' when stopped_in.stage = 'being made' then 'created' else stopped_in.stage end);
    if stopped_in.stage = 'cancelled' then
        perform pg_temp.board('i-2', 'to-analyse', seq => 8);
        perform orch.stop_task('SHOP-008');
    elsif stopped_in.stage = 'being made' then
        perform orch.claim_effects('n1', 100);
    end if;
    select x.result into answer from orch.stop_task(case stopped_in.stage when 'cancelled' then 'SHOP-008' else 'SHOP-007' end) as x;
    select answer || ' in ' || t.stage || coalesce((select ', branch ' || o.status from orch.outbox as o where o.kind = 'task_start' and o.task_id = t.id and t.base_sha is null), '')
           || case when exists (select from orch.merge_leases) then ', lease held' else '' end
           || case when exists (select from orch.outbox as o where o.task_id = t.id and o.kind = 'branch_delete') then ', clean-up promised' else '' end
      into answer from orch.tasks as t order by t.id desc limit 1;
    raise exception using errcode = 'OR000', message = answer;
exception when sqlstate 'OR000' then
    return sqlerrm;
end
$$;
select is(pg_temp.stopped_in(c.stage), c.answer, 'S2 STOP in ' || c.stage)
  from (values ('created', 'cancelled in cancelled, branch skipped, clean-up promised'),
               ('being made', 'cancelled in cancelled, branch pending, clean-up promised'),
               ('analysis', 'cancelled in cancelled, clean-up promised'),
               ('architecture', 'cancelled in cancelled, clean-up promised'),
               ('development', 'cancelled in cancelled, clean-up promised'),
               ('review', 'cancelled in cancelled, clean-up promised'),
               ('testing', 'cancelled in cancelled, clean-up promised'),
               ('deploy-staging', 'cancelled in cancelled, clean-up promised'),
               ('parked', 'cancelled in cancelled, clean-up promised'),
               ('deploy', 'deferred in deploy, lease held'),
               ('merging', 'deferred in deploy, lease held'),
               ('done', 'already_done in done'),
               ('cancelled', 'already_cancelled in cancelled, branch skipped, clean-up promised')) as c (stage, answer);

-- X1: by indexes, however much there is: a story reads none of these tables from end to end.
select pg_temp.drive('review');
select orch.stop_task('SHOP-007', 'x');
set local enable_seqscan = off;
create function pg_temp.scans(command text)
returns setof text language plpgsql as $$
begin
    return query execute 'explain ' || command;
end
$$;
select is_empty(format($$select s from pg_temp.scans(%L) as s where s ~ 'Seq Scan on (tasks|agent_runs|outbox|events|transitions|deploys|jobs)'$$, c.command),
                'X1 an index serves ' || c.name)
  from (values ('namesakes', 'select t.id from orch.tasks as t where orch.original_key(t.plane_issue_id) = ''i-1'''),
               ('work items', 'select t.id from orch.tasks as t where lower(split_part(t.work_item, ''#cancelled-'', 1)) = ''shop-007'''),
               ('orch.outstanding()', 'select * from orch.outstanding(1)'),
               ('orch.critical_reason()', 'select orch.critical_reason(1)'),
               ('orch.story_moves()', 'select s.* from orch.tasks as t, orch.story_moves(t) as s where t.id = 1'),
               ('orch.story_asked()', 'select s.* from orch.tasks as t, orch.story_asked(t) as s where t.id = 1'),
               ('orch.story_runs()', 'select s.* from orch.tasks as t, orch.story_runs(t) as s where t.id = 1'),
               ('orch.story_effects()', 'select s.* from orch.tasks as t, orch.story_effects(t) as s where t.id = 1'),
               ('the newest STOPs', 'select * from orch.stops limit 10')) as c (name, command);
select * from finish();
rollback;
