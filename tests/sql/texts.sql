-- O1, O2: what people read on the board and in the messenger, in each language; the live card; how much the messenger is sent.
begin;
\ir support.inc
select * from no_plan();

-- The texts themselves.
create function pg_temp.slots(template text) returns text[] language sql as $$
    select coalesce(array_agg(distinct m[1] order by m[1]), '{}') from regexp_matches(template, '%(\d)\$s', 'g') as m
$$;
select is_empty('select s.key from orch.said() as s group by s.key having count(*) > 1', 'O2 each text is there once');
select is_empty($$select s.key from orch.said() as s where pg_temp.slots(s.en) <> pg_temp.slots(s.ru)$$, 'O2 both languages say the same things');
select is_empty($$select s.key from orch.said() as s where s.ru !~ '[А-Яа-яЁё]'$$, 'O2 no text was left untranslated');
create temporary table used as
select distinct m[1] as key from pg_proc as p cross join regexp_matches(p.prosrc, 'orch\.say\(''([a-z.-]+)''', 'g') as m where p.pronamespace = 'orch'::regnamespace;
select is_empty($$select u.key from used as u where u.key not like '%.' and u.key not in (select s.key from orch.said() as s)$$, 'O2 what is said is there');
select is_empty($$select s.key from orch.said() as s
                   where s.key not like 'stage.%' and not exists (select from pg_proc as p where p.pronamespace = 'orch'::regnamespace and p.prosrc like '%''' || s.key || '''%'
                                                                     and p.proname <> 'said')$$, 'O2 what is there is said');
select is_empty($$select s.stage from orch.stages as s where 'stage.' || s.stage not in (select t.key from orch.said() as t)$$, 'O2 each stage has its word');
select throws_ok($$select orch.say('nonsense')$$, 'there is no text "nonsense"', 'O2 a text that is not there is a defect');
-- Whoever makes a message asks say(): a text of its own in a function that promises one would stay English.
select is_empty($$select p.proname, m[1] from pg_proc as p
                    cross join regexp_matches(p.prosrc, 'add_effect\([^;]*?''(?:alert|board_comment)''[^;]*?''text'',\s*(format\(|'')', 'g') as m
                   where p.pronamespace = 'orch'::regnamespace$$, 'O2 no function words its messages by itself');
select throws_ok($$select orch.set_setting('language', 'de')$$, 'OR422', 'setting "language" cannot be "de": accepted is en or ru', 'C2 another language is refused');

-- The card, as a task goes its way.
create function pg_temp.card() returns text language sql as $$ select orch.card_text(t) from orch.tasks as t order by t.id desc limit 1 $$;
create function pg_temp.age(by interval) returns void language sql as $$
    update orch.agent_runs set started_at = started_at - by, claimed_at = claimed_at - by where ended_at is null;
$$;
savepoint fresh;
select pg_temp.drive('analysis');
select pg_temp.age('75 min');
select is(pg_temp.card(), E'SHOP-007 Add a cart\nStage: analysis\nanalyst has worked for 1 h 15 min (attempt 1, node n1)\nCost: $0.00, tokens: 0, runs: 1, work: 1 h 15 min', 'O2 who works, for how long');
select orch.set_setting('language', 'ru');
select is(pg_temp.card(), E'SHOP-007 Add a cart\nЭтап: анализ\nРаботает analyst, уже 1 ч 15 мин (попытка 1, узел n1)\nСтоимость: $0.00, токенов: 0, запусков: 1, работа: 1 ч 15 мин', 'O2 the same in Russian');
select orch.set_setting('language', 'en');
select pg_temp.finish(r.id, 'ok', '{"head": "h1", "cost_usd": 1.5, "usage": {"input": 1200345, "output": 5}}') from orch.agent_runs as r where r.ended_at is null;
update orch.tasks set brd_review_started_at = now() - interval '26 hours';
select is(pg_temp.card(), E'SHOP-007 Add a cart\nStage: analysis\nA person has been reviewing the analysis for 1 d 2 h\nCost: $1.50, tokens: 1 200 350, runs: 1, work: 1 h 15 min', 'P7 the review clock runs');
select orch.approve('SHOP-007', 'alice');
select matches(pg_temp.card(), 'Stage: architecture\nNext: architect; job \d+ waits for a free slot\nReview by a person took 1 d 2 h\n', 'P7 and stands still; who waits says for what');
select orch.freeze('acme/shop', 'release week');
select orch.reject('SHOP-007', 'too big', 'alice');
select matches(pg_temp.card(), '\nSent back: 1\n', 'O2 returns are counted');
rollback to fresh;
select pg_temp.drive('parked');
select matches(pg_temp.card(), '\nWaits for Confirm Deploy\n', 'M2 a parked task waits for a person');
select pg_temp.confirm();
select orch.run_started(pg_temp.claim(), 4001, '1', 'boot', '/log');
update orch.deploys set initiated_at = now() - interval '5 min';
select matches(pg_temp.card(), '\nThe deploy has been under way for 5 min\n', 'M2 a deploy has its time');
select orch.stop_task('SHOP-007', 'wrong one', actor => 'bob');
update orch.tasks set cancel_requested_at = now() - interval '2 min';
select matches(pg_temp.card(), '\nSTOP by bob 2 min ago waits for the deploy to end\nThe deploy has been under way', 'S11 a deferred STOP is shown');
select pg_temp.finish(r.id, 'ok', '{"head": "h7", "evidence": {"14-deploy-log.md": {"deploy_status": "SUCCESS"}}}') from orch.agent_runs as r where r.ended_at is null;
select pg_temp.deliver('pull_merge', '{"merge_sha": "m1"}');
select matches(pg_temp.card(), '\nStage: done\nSTOP by bob came too late: already in production\nFrom start to end: ', 'S7 and one that came too late');
rollback to fresh;
select pg_temp.drive('review');
select orch.stop_task('SHOP-007', 'wrong one', actor => 'bob');
select matches(pg_temp.card(), '^SHOP-007 Add a cart\nStage: cancelled\nStopped by bob at \d{4}-\d\d-\d\d \d\d:\d\d \S+: wrong one\nFrom start to end: 0 min\n', 'S11 and so is one that was applied');
rollback to fresh;
select orch.publish_settings('{"monitored_repos": "acme/shop"}');
select pg_temp.drive('done');
update orch.monitors set checks = 4, failures = 1, began_at = now() - interval '3 min';
select matches(pg_temp.card(), '\nStage: done\nFrom start to end: 0 min\n.*Watched after the deploy for 3 min, checks: 4, failures in a row: 1\n', 'M4 the watch is shown');
select orch.supersede_monitor('acme/shop');
select matches(pg_temp.card(), '\nAfter the deploy: SUPERSEDED\n', 'M4 and how it ended');
rollback to fresh;
select pg_temp.finish(pg_temp.drive('analysis'), 'ok', '{"head": "h1"}');
select orch.block_task_because(t.id, 'failed', 'analyst', '2', 'exit status 1') from orch.tasks as t;
select matches(pg_temp.card(), '\nBlocked: analyst failed 2 times; last: exit status 1\nCost: ', 'O2 a task that is blocked says why');
select orch.block_task(t.id, 'needs_input', repeat('x', 600)) from orch.tasks as t;
select matches(pg_temp.card(), '\nNeeds input: x+…\nCost: ', 'O2 and one that asks says what, within bounds');
rollback to fresh;
select pg_temp.board('i-9', 'to-analyse', title => E'<b>&amp; "two"\nlines</b>', seq => 9);
select is(split_part(pg_temp.card(), E'\n', 1), 'SHOP-009 <b>&amp; "two" lines</b>', 'O2 a title is one line, and stays as it is');

update orch.tasks set title = repeat('"', 10240);
select is(split_part(pg_temp.card(), E'\n', 1), 'SHOP-009 ' || repeat('"', 499) || '…', 'O2 a title without end is cut');
select matches(pg_temp.card(), '\nStage: created\nNow: the branch is being made$', 'O2 and what comes after it is seen');

-- Times go on: the card follows. What it shows already is not sent again.
rollback to fresh;
select pg_temp.drive('review');
select is(orch.refresh_cards(), 0, 'O2 a card that was never sent needs no refreshing');
select is(pg_temp.deliver('card', '{"message_id": "7"}'), 1, 'O2 many changes are one message');
select is((select m.digest from orch.tracker_messages as m), md5(pg_temp.card()), 'O2 what it shows is known');
select is(orch.refresh_cards(), 0, 'O2 it needs none while it shows how the task stands');
select orch.add_card(t.id) from orch.tasks as t;
select is(pg_temp.deliver('card'), 0, 'O2 an edit that changes nothing is not sent');
select is((select array_agg(distinct o.status) from orch.outbox as o where o.kind = 'card'), array['done'], 'O2 and is done');
select pg_temp.age('1 min');
select is(orch.refresh_cards(), 1, 'O2 an agent has worked for longer: it does');
select orch.refresh_cards();
select is((select count(*) from orch.outbox as o where o.kind = 'card' and o.status = 'pending'), 1::bigint, 'O2 and many refreshings make one edit');
select is(pg_temp.deliver('card', '{"message_id": "7"}'), 1, 'O2 that is sent');
-- A review may take days: its card follows, in ever longer steps.
rollback to fresh;
select pg_temp.finish(pg_temp.drive('analysis'), 'ok', '{"head": "h1"}');
update orch.tasks set brd_review_started_at = now() - interval '26 hours 7 minutes';
select pg_temp.deliver('card', '{"message_id": "7"}');
update orch.tasks set brd_review_started_at = now() - interval '26 hours 52 minutes';
select is(orch.refresh_cards(), 0, 'O2 a review of days is not counted by minutes');
update orch.tasks set brd_review_started_at = now() - interval '27 hours 1 minute';
select is(orch.refresh_cards(), 1, 'O2 but by hours');
select is(array(select orch.said_span(s::interval, true) from unnest(array['4 min', '59 min', '119 min', '23 h 59 min', '50 h', '-1 s']) as s),
          array['0 min', '55 min', '1 h', '23 h', '2 d 2 h', '0 min'], 'O2 the longer a span, the rougher it is told');

-- Every message of a whole way, in Russian.
rollback to fresh;
select orch.set_setting('language', 'ru');
savepoint russian;
select pg_temp.drive('done');
select is_empty($$select o.kind, o.payload ->> 'text' from orch.outbox as o where o.kind in ('alert', 'board_comment') and o.payload ->> 'text' !~ '[А-Яа-я]'$$, 'O2 to the end');
rollback to russian;
select pg_temp.drive('review');
select orch.stop_task('SHOP-007');
select is_empty($$select o.kind, o.payload ->> 'text' from orch.outbox as o where o.kind in ('alert', 'board_comment') and o.payload ->> 'text' !~ '[А-Яа-я]'$$, 'O2 and a STOP');
rollback to russian;
select pg_temp.drive('analysis');
select pg_temp.finish(r.id, 'failed', '{"error": "exit status 1"}') from orch.agent_runs as r where r.ended_at is null;
update orch.jobs set run_at = now() where status = 'queued';
select pg_temp.finish(pg_temp.claim(), 'failed', '{"error": "exit status 1"}');
select is(array(select o.payload ->> 'text' from orch.outbox as o where o.kind in ('alert', 'board_comment') order by o.id),
          array['analyst не справился, попыток: 2; последняя ошибка: exit status 1', 'SHOP-007 заблокирована: analyst не справился, попыток: 2; последняя ошибка: exit status 1'],
          'O2 and a block');
select matches(pg_temp.card(), '\nЗаблокирована: analyst не справился, попыток: 2; ', 'O2 which the card tells, too');
select is((select w.why from orch.why as w), 'blocked: analyst failed 2 times; last: exit status 1', 'O2 operators read English');
rollback to russian;
select orch.note_disks('n1', '[{"path": "/data", "used_percent": 91, "inodes_percent": 3, "free_bytes": 1048576}]', 90, 5);
select orch.node_agents('n1', '00000000-0000-0000-0000-000000000001', '{}', '{"chore": {"breaker": "open"}}');
select is(array(select o.payload ->> 'text' from orch.outbox as o order by o.id),
          array['диск узла n1, /data: занято 91% места и 3% inode, свободно 1024 kB; порог — 90%', 'узел n1 не берёт заданий агента chore: причина не названа'],
          'O2 and what nodes tell');
rollback to fresh;

-- O1: how much the messenger is sent.
create function pg_temp.send(slots int default 100) returns bigint language plpgsql as $$
declare
    sent bigint;
begin
    select count(*) into sent from orch.claim_effects('n1', slots);
    update orch.outbox set status = 'done', ended_at = now(), token = null where status = 'pending' and token is not null;
    return sent;
end
$$;
select orch.set_setting('telegram_per_minute', '20');
update orch.channels set tokens = 5, filled_at = clock_timestamp() where channel = 'chat';
select orch.add_effect(null, 'card', jsonb_build_object('agent', 'c' || i)) from generate_series(1, 3) as i;
select orch.add_effect(null, 'alert', jsonb_build_object('agent', 'a' || i, 'text', 'x')) from generate_series(1, 30) as i;
select orch.add_effect(null, 'board_comment', jsonb_build_object('issue_id', 'i' || i, 'text', 'x')) from generate_series(1, 30) as i;
create temporary table sent as select e.kind from orch.claim_effects('n1', 100) as e;
select results_eq('select s.kind, count(*) from sent as s group by s.kind order by s.kind', $$values ('alert', 5::bigint), ('board_comment', 30)$$,
                  'O1 a burst is cut to a quarter of a minute''s, alerts first; the board is another matter');
update orch.outbox set status = 'done', ended_at = now(), token = null where token is not null;
select is((select count(*) from orch.claim_effects('n2', 100)), 0::bigint, 'O1 on all nodes together');
update orch.channels set filled_at = clock_timestamp() - interval '8 s' where channel = 'chat';
select is(pg_temp.send(), 2::bigint, 'O1 more flows in with time');
update orch.channels set filled_at = clock_timestamp() - interval '1 hour' where channel = 'chat';
select is(pg_temp.send(2), 2::bigint, 'O1 no more than the bucket holds');
select is((select c.tokens from orch.channels as c where c.channel = 'chat'), 3::numeric, 'O1 and what was not taken stays');
select orch.set_setting('telegram_per_minute', '0');
select is(pg_temp.send(), 24::bigint, 'O1 without a limit all go');

-- O1: an alert does not wait for the card of its task.
select pg_temp.drive('analysis');
select orch.add_effect(t.id, 'alert', '{"text": "x"}') from orch.tasks as t;
select orch.set_setting('telegram_per_minute', '4');
update orch.channels set tokens = 1, filled_at = clock_timestamp() where channel = 'chat';
select is((select array_agg(e.kind) from orch.claim_effects('n1', 100, '{}', array['alert', 'card']) as e), array['alert'], 'O1 an alert overtakes the card of its task');
update orch.outbox set status = 'done', ended_at = now(), token = null where status = 'pending';
-- Nor is a card counted that is not sent.
insert into orch.tracker_messages (task_id, channel, kind, message_id, digest) select t.id, 'telegram', 'card', '7', md5(orch.card_text(t)) from orch.tasks as t;
select orch.add_card(t.id) from orch.tasks as t;
update orch.channels set tokens = 1, filled_at = clock_timestamp() where channel = 'chat';
select is(pg_temp.send(), 0::bigint, 'O1 a card that says so already is not sent');
select is((select floor(c.tokens) from orch.channels as c where c.channel = 'chat'), 1::numeric, 'O1 and takes no room');
select orch.set_setting('telegram_per_minute', '0');

-- O1: patience that was asked for once is everybody's.
select orch.add_effect(null, 'alert', jsonb_build_object('agent', 'b' || i, 'text', 'x')) from generate_series(1, 2) as i;
update orch.outbox set attempts = orch.setting('effect_max_attempts')::int - 1 where status = 'pending';
create temporary table refused as select * from orch.claim_effects('n1', 1);
select orch.effect_failed(e.effect_id, e.token, '429', '40 s', false) from refused as e;
select is((select array[o.status, o.attempts::text] from orch.outbox as o join refused as e on e.effect_id = o.id), array['pending', (orch.setting('effect_max_attempts')::int - 1)::text],
          'O1 to be asked for patience is no attempt');
select is((select count(*) from orch.claim_effects('n1', 100)), 0::bigint, 'O1 the whole channel rests when its other side asks for it');
select cmp_ok((select c.quiet_until from orch.channels as c where c.channel = 'chat'), '>', now() + interval '39 s', 'O1 for as long as it said');
select orch.add_effect(null, 'board_comment', '{"issue_id": "i99", "text": "x"}');
select is((select count(*) from orch.claim_effects('n1', 100)), 1::bigint, 'O1 the other channels do not');
update orch.projects set board_actor = 'bot', states_wanted_at = now();
select is((select count(*) from orch.projects_to_poll('1 min')), 2::bigint, 'O1 the board is polled');
select orch.project_polled(p.id, null, '429', '40 s') from orch.projects as p limit 1;
select is((select count(*) from orch.projects_to_poll('1 min')), 0::bigint, 'O1 until it asks for patience');
select is((select count(*) from orch.projects_wanting_states()), 0::bigint, 'O1 its statuses are not read');
select orch.add_effect(null, 'board_comment', '{"issue_id": "i100", "text": "x"}');
select is((select count(*) from orch.claim_effects('n1', 100)), 0::bigint, 'O1 and nothing is written there');
update orch.channels set quiet_until = '-infinity' where channel = 'board';
select orch.board_states_failed(p.id, '503', null) from orch.projects as p limit 1;
select is((select count(*) from orch.projects_to_poll('1 min')), 2::bigint, 'O1 an error without a time is not that');

select * from finish();
rollback;
