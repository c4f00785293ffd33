begin;
\ir support.inc
select * from no_plan();

-- One issue as the board's list tells it, at a second after the project's clock.
update orch.projects set polled_to = '2026-01-01 00:10:00+00';
create function pg_temp.item(issue text, status text, seconds int, by text default 'alice')
returns jsonb language sql as $$
    select jsonb_build_object('issue_id', issue, 'state_id', 's-' || status, 'title', 'Add a cart', 'sequence_id', 7, 'updated_by', by, 'actor_id', by,
                              'updated_at', '2026-01-01 00:10:00+00'::timestamptz + seconds * interval '1 s')
$$;
create function pg_temp.shop()
returns bigint language sql as $$ select p.id from orch.projects as p where p.name = 'shop' $$;
-- Issue and number of those that are news, and whether another page may hold more.
create function pg_temp.news(variadic issues jsonb[])
returns text language sql as $$
    select coalesce((select string_agg(n.value #>> '{facts,issue_id}', ' ') from jsonb_array_elements(r.news) as n), 'none')
        || case when r.goes_on then ', and more' else '' end from orch.poll_news(pg_temp.shop(), to_jsonb(issues)) as r
$$;
-- All of the news routed, as the service does it.
create function pg_temp.poll(variadic issues jsonb[])
returns text language sql as $$
    select string_agg(e.status || ': ' || coalesce(e.reason, ''), ' | ')
      from orch.poll_news(pg_temp.shop(), to_jsonb(issues)) as r cross join jsonb_array_elements(r.news) as n
           cross join orch.receive_event('poll', n.value ->> 'delivery_key', 'issue', n.value -> 'facts', '{}') as e
$$;

-- What is news.
select is((select r.news from orch.poll_news(pg_temp.shop(), '[]') as r), '[]'::jsonb, 'L2 an empty project has none');
select is(pg_temp.news(pg_temp.item('b', 'todo', 9), pg_temp.item('a', 'todo', 3)), 'a b, and more', 'L2 the oldest comes first');
select is(pg_temp.news(pg_temp.item('a', 'todo', -30)), 'a, and more', 'L2 what was committed late is looked at twice');
select is(pg_temp.news(pg_temp.item('b', 'todo', 9), pg_temp.item('a', 'todo', -61)), 'b', 'L2 what is older than that is not, and ends the pages');
select pg_temp.board('i-1', 'backlog', at => '2026-01-01 00:10:05+00');
select is(pg_temp.news(pg_temp.item('i-1', 'backlog', 5)), 'none, and more', 'L2 what a delivery told is none');
select is(pg_temp.news(pg_temp.item('i-1', 'backlog', 6)), 'i-1, and more', 'L2 a later change is');
select results_eq($$select n.value -> 'wants_description' from orch.poll_news(pg_temp.shop(), jsonb_build_array(pg_temp.item('x', 'to-analyse', 1), pg_temp.item('y', 'todo', 2))) as r, jsonb_array_elements(r.news) as n$$,
                  $$values ('true'::jsonb), ('false')$$, 'L2 the description is wanted where a task may begin');

-- TC-15: gestures, once each.
savepoint quiet;
select matches(pg_temp.poll(pg_temp.item('i-1', 'to-analyse', 10)), 'routed: started', 'TC-15 To Analyse begins a task');
select is(pg_temp.poll(pg_temp.item('i-1', 'to-analyse', 10)), null, 'TC-15 once');
select matches(pg_temp.board('i-1', 'to-analyse', at => '2026-01-01 00:10:10+00'), 'a newer change of status is known', 'TC-15 its late delivery changes nothing');
select matches(pg_temp.poll(pg_temp.item('i-1', 'stop', 20)), '^routed: cancelled: SHOP-007 is cancelled', 'TC-15 STOP');
select is((select x.actor from orch.transitions as x where x.to_stage = 'cancelled'), 'board:alice', 'P10 by whom is recorded');
select is((select count(*) from orch.tasks), 1::bigint, 'TC-15 of one task');
rollback to quiet;
select pg_temp.board('i-1', 'to-analyse', at => '2026-01-01 00:10:10+00');
select is(pg_temp.poll(pg_temp.item('i-1', 'analysis', 20, 'bot')), 'ignored: our own write coming back', 'B4 our own write is no gesture');
select is(pg_temp.poll(pg_temp.item('i-1', 'stop', 15)), null, 'B4 and hides what is older');

-- The clock.
select orch.project_polled(pg_temp.shop(), '2026-01-01 00:20:00+00', null);
select is((select p.polled_to from orch.projects as p where p.id = pg_temp.shop()), '2026-01-01 00:20:00+00', 'L2 the clock goes on');
select orch.project_polled(pg_temp.shop(), null, 'the board is away');
select results_eq($$select p.polled_to, p.poll_error from orch.projects as p where p.id = pg_temp.shop()$$, $$values ('2026-01-01 00:20:00+00'::timestamptz, 'the board is away')$$, 'L2 stays when the board is away, which is told');
select orch.project_polled(pg_temp.shop(), '2999-01-01', null);
select results_eq($$select p.polled_to <= now(), p.poll_error from orch.projects as p where p.id = pg_temp.shop()$$, $$values (true, null::text)$$, 'L2 and never goes into the future');

-- Half of sixty requests a minute.
update orch.projects set polled_at = null;
select is((select count(*) from orch.projects_to_poll('15 s')), 2::bigint, 'L2 all projects in a round');
update orch.projects set polled_at = now() where name = 'shop';
select results_eq($$select q.name from orch.projects_to_poll('2 s') as p join orch.projects as q on q.id = p.project_id$$, $$values ('blog')$$, 'L2 too many take turns, the longest unasked first');
select is((select count(*) from orch.projects_to_poll('0.5 s')), 1::bigint, 'L2 one at least');
update orch.projects set board_actor = null where name = 'blog';
select is((select count(*) from orch.projects_to_poll('15 s')), 1::bigint, 'L2 none while our own user is not known');

-- Our write waits for a gesture that nobody has told.
select orch.add_effect(t.id, 'board_status', '{"key": "analysis"}') from orch.tasks as t;
select results_eq($$select jsonb_array_elements_text(orch.effect_payload(o) -> 'unheard_state_ids') as id from (select * from orch.outbox as n order by n.id desc limit 1) as o order by id$$,
                  $$values ('s-approved'), ('s-confirm-deploy'), ('s-rejected'), ('s-to-analyse')$$, 'B4 statuses that would be a gesture');
update orch.board_issues set state_id = 's-approved' where issue_id = 'i-1';
select is((select orch.effect_payload(o) -> 'unheard_state_ids' ? 's-approved' from orch.outbox as o order by o.id desc limit 1), false, 'B4 but for the one that was told');

select * from finish();
rollback;
