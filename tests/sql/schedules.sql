begin;
\ir support.inc
select * from no_plan();

-- Q8: setting a schedule.
select is(orch.schedule('nightly', '30 2 * * *', 'report', 'all of it', 'Europe/Berlin', repo => 'acme/shop', priority => 3, max_attempts => 4, tags => '{x}'),
          orch.cron_next('30 2 * * *', 'Europe/Berlin'), 'Q8 answers the next tick');
select is(orch.fire_schedules(), 0, 'Q8 which is not yet due');
select results_eq('select t.name, t.state, t.next_at from orch.timetable as t',
                  $$values ('nightly', 'waiting', orch.cron_next('30 2 * * *', 'Europe/Berlin'))$$, 'X1 the timetable shows it');
update orch.schedules set next_at = now() - interval '10 s';
select is((select t.state from orch.timetable as t), 'due', 'X1 and that it is due');
select is(orch.schedule('nightly', '30 2 * * *', 'report', 'more', 'Europe/Berlin'), now() - interval '10 s', 'Q8 the same times again: a due tick stays');
select is(orch.schedule('nightly', '31 2 * * *', 'report', 'more', 'Europe/Berlin'), orch.cron_next('31 2 * * *', 'Europe/Berlin'), 'Q8 other times: the next of them');
select is((select count(*) from orch.schedules), 1::bigint, 'Q8 a name is one schedule');
select is(orch.unschedule('nightly'), 'nightly is scheduled no more', 'Q8 taken away');
select throws_ok($$select orch.unschedule('nightly')$$, 'OR404', null, 'Q8 once');
select throws_ok('select orch.unschedule(null)', 'OR404', null, 'Q8 a name has to be given');
select throws_ok(format('select orch.schedule(%s)', c.given), 'OR422', null, 'Q8 refused: ' || c.given)
  from (values ($$'a b', '@daily', 'a'$$), ($$null, '@daily', 'a'$$), ($$repeat('n', 101), '@daily', 'a'$$), ($$'n', 'daily', 'a'$$), ($$'n', '0 0 30 2 *', 'a'$$),
               ($$'n', '@daily', 'a b'$$), ($$'n', '@daily', null$$), ($$'n', '@daily', 'a', time_zone => 'Mars'$$), ($$'n', '@daily', 'a', missed => 'never'$$),
               ($$'n', '@daily', 'a', missed => null$$), ($$'n', '@daily', 'a', max_attempts => 0$$), ($$'n', '@daily', 'a', repo => 'x'$$)) as c (given);

-- Q8: what is missed. The clock of each schedule ticks each minute, and nobody was there for ten of them.
create function pg_temp.away(missed text, minutes int)
returns text language plpgsql as $$
begin
    perform orch.schedule('s-' || away.missed, '* * * * *', 'tick-' || away.missed, missed => away.missed);
    update orch.schedules as s set next_at = date_trunc('minute', now()) - minutes * interval '1 minute' where s.name = 's-' || away.missed;
    perform orch.fire_schedules();
    return (select count(*) || ' of ' || coalesce(extract(epoch from date_trunc('minute', now()) - min(j.run_at)) / 60, 0)::int
              from orch.jobs as j where j.agent = 'tick-' || away.missed);
end
$$;
select is(pg_temp.away('once', 10), '1 of 0', 'Q8 once: one job, of the newest tick');
select is(pg_temp.away('all', 10), '11 of 10', 'Q8 all: a job for each');
select is(pg_temp.away('skip', 10), '1 of 0', 'Q8 skip: only the one that is not missed yet');
select is((select count(*) from orch.schedules as s where s.next_at <= now()), 0::bigint, 'Q8 and then nothing is due');
select is(orch.fire_schedules(), 0, 'Q8 no tick fires twice');
select is((select count(distinct j.unique_key) = count(*) and bool_and(j.unique_key like 'schedule s-% %') from orch.jobs as j where j.agent like 'tick-%'), true,
          'Q8 each tick has its own key');
delete from orch.schedules;
select is(cardinality(orch.newest_ticks('* * * * *', 'UTC', now() - interval '2 years', now(), 100)), 100, 'Q8 all means the newest hundred, after two years too');
select is(orch.newest_ticks('0 3 * * *', 'UTC', '2026-01-01 00:00Z', '2026-01-03 04:00Z', 2), '{2026-01-02 03:00Z,2026-01-03 03:00Z}'::timestamptz[], 'Q8 the newest');
select is(orch.newest_ticks('0 3 * * *', 'UTC', '2026-01-01 03:00Z', '2026-01-01 03:00Z', 9), '{2026-01-01 03:00Z}'::timestamptz[], 'Q8 both ends count');
select is(orch.newest_ticks('0 3 * * *', 'UTC', '2026-01-01 03:01Z', '2026-01-01 04:00Z', 9), '{}'::timestamptz[], 'Q8 there may be none');
select orch.schedule('rare', '0 0 29 2 *', 'rare', missed => 'skip');
update orch.schedules set next_at = now() - interval '1 day';
select is(orch.fire_schedules(), 0, 'Q8 skip: a missed tick is nobody''s');
select ok((select s.next_at > now() and s.last_at is null and s.failed is null from orch.schedules as s), 'Q8 and the next is waited for');
delete from orch.schedules;

-- Q8: one that cannot fire.
select orch.schedule('bad', '@hourly', 'bad'), orch.schedule('good', '@hourly', 'good');
update orch.schedules set next_at = date_trunc('hour', now()), repo = case name when 'bad' then 'nonsense' end;
select is(orch.fire_schedules(), 1, 'Q8 does not stop the others');
select matches((select t.state || ': ' || t.why from orch.timetable as t where t.name = 'bad'), '^failing: repo "nonsense"', 'Q8 says why');
select ok((select s.next_at <= now() from orch.schedules as s where s.name = 'bad'), 'Q8 and keeps its tick');
select is(orch.fire_schedules(), 0, 'Q8 it is not tried again at once');
update orch.schedules set repo = null, failed_at = now() - interval '2 minutes' where name = 'bad';
update orch.schedules set next_at = date_trunc('hour', now()) where name = 'bad';
select is(orch.fire_schedules(), 1, 'Q8 but a minute later');
select is((select t.state from orch.timetable as t where t.name = 'bad'), 'waiting', 'Q8 and is well again');
update orch.schedules set cron = 'nonsense', next_at = date_trunc('hour', now()) where name = 'bad';
select is(orch.fire_schedules(), 0, 'Q8 nor does one whose times make no sense');
select matches((select t.why from orch.timetable as t where t.name = 'bad'), 'nonsense', 'Q8 which is told');
select * from finish();
rollback;
