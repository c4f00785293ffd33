begin;
\ir support.inc
select * from no_plan();

create temp table run as select pg_temp.drive('development') as id;
select pg_temp.finish((select id from run), 'ok', '{"head": "h3", "evidence": {"06-adr/": {"count": 1}}}');
select pg_temp.deliver('pull_open', '{"number": 5}');
select is_empty($$select * from orch.ci_to_ask()$$, 'G3 within its grace nobody asks for it');
update orch.tasks set stage_since = stage_since - interval '1 hour';
update orch.jobs set finished_at = finished_at - interval '1 hour';
select results_eq($$select c.repo, c.sha from orch.ci_to_ask() as c$$, $$values ('acme/shop', 'h3')$$, 'G3 an idle task has its statuses asked for');
select is_empty($$select * from orch.ci_to_ask()$$, 'G3 once in a grace');
update orch.tasks set ci_asked_at = ci_asked_at - interval '1 hour';
savepoint idle;
update orch.tasks set attention = 'blocked';
select is_empty($$select * from orch.ci_to_ask()$$, 'G3 not while it is blocked');
rollback to idle;
select is((select count(*) from orch.ci_to_ask()), 1::bigint, 'G3 and again after it');

create function pg_temp.status(state text)
returns text language sql as $$
    select r.status || ': ' || coalesce(r.reason, '') from orch.receive_event('poll', 's-' || status.state, 'status', jsonb_build_object(
        'repo', 'acme/shop', 'sha', 'h3', 'context', 'ci', 'state', status.state, 'updated_at', now()), '{}') as r
$$;
select matches(pg_temp.status('pending'), 'wait: CI of h3 is pending', 'G3 pending is not green');
select matches(pg_temp.status('success'), 'pass: CI of h3 is success', 'G3 what the forge answers counts as what it tells');
select is(pg_temp.stage(), 'review', 'G3 and the task goes on');
select is((select x.actor from orch.transitions as x where x.to_stage = 'review'), 'poll', 'P10 by whom is recorded');

select * from finish();
rollback;
