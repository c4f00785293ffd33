begin;
\ir support.inc
select * from no_plan();

-- Q8: what a field may say. From Wednesday, 2026-01-14 10:20:30 on.
select is(orch.cron_next(c.cron, 'UTC', '2026-01-14 10:20:30Z'), c.tick::timestamptz, 'Q8 ' || c.cron)
  from (values ('* * * * *', '2026-01-14 10:21Z'), ('20 * * * *', '2026-01-14 11:20Z'), ('*/15 * * * *', '2026-01-14 10:30Z'), ('10-40/10 * * * *', '2026-01-14 10:30Z'),
               ('5,50 * * * *', '2026-01-14 10:50Z'), ('30 8 * * *', '2026-01-15 08:30Z'), ('0 0 1 * *', '2026-02-01 00:00Z'), ('0 0 * FEB *', '2026-02-01 00:00Z'),
               ('0 0 * * mon', '2026-01-19 00:00Z'), ('0 0 * * 0', '2026-01-18 00:00Z'), ('0 0 * * 7', '2026-01-18 00:00Z'), ('0 0 * * 5-7', '2026-01-16 00:00Z'),
               ('0 0 * * sat-sun', '2026-01-17 00:00Z'), ('0 0 20 * fri', '2026-01-16 00:00Z'), ('0 0 15 * fri', '2026-01-15 00:00Z'), ('0 0 */2 * fri', '2026-01-23 00:00Z'),
               ('0 0 29 2 *', '2028-02-29 00:00Z'), ('0 0 31 * *', '2026-01-31 00:00Z'), ('  0   12 *	* * ', '2026-01-14 12:00Z'), ('@hourly', '2026-01-14 11:00Z'),
               ('@daily', '2026-01-15 00:00Z'), ('@midnight', '2026-01-15 00:00Z'), ('@weekly', '2026-01-18 00:00Z'), ('@Monthly', '2026-02-01 00:00Z'),
               ('@yearly', '2027-01-01 00:00Z'), ('@annually', '2027-01-01 00:00Z')) as c (cron, tick);
select is(orch.cron_next('0 0 * * *', 'UTC', '2026-01-15 00:00Z'), '2026-01-16 00:00Z'::timestamptz, 'Q8 after, not at');
select is(orch.cron_next('0 0 29 2 */7', 'UTC', '2088-02-29 00:00Z'), '2128-02-29 00:00Z'::timestamptz, 'Q8 the longest wait, a Sunday on 29 February, is found');

-- Q8: time zones. In Berlin 02:00 to 03:00 is skipped on 29 March and comes twice on 25 October 2026.
select is(orch.cron_next(c.cron, 'Europe/Berlin', c.after::timestamptz), c.tick::timestamptz, 'Q8 ' || c.cron || ' after ' || c.after)
  from (values ('30 8 * * *', '2026-01-14 12:00Z', '2026-01-15 07:30Z'), ('30 8 * * *', '2026-07-14 12:00Z', '2026-07-15 06:30Z'),
               ('30 2 * * *', '2026-03-28 12:00Z', '2026-03-29 01:00Z'), ('30 2 * * *', '2026-03-29 01:00Z', '2026-03-30 00:30Z'),
               ('0,30 2 * * *', '2026-03-29 01:00Z', '2026-03-30 00:00Z'), ('30 2 * * *', '2026-10-24 12:00Z', '2026-10-25 00:30Z'),
               ('30 2 * * *', '2026-10-25 00:30Z', '2026-10-26 01:30Z'), ('30 * * * *', '2026-03-29 00:30Z', '2026-03-29 01:30Z'),
               ('30 * * * *', '2026-10-25 00:30Z', '2026-10-25 01:30Z')) as c (cron, after, tick);

-- Q8: bad input says which field, the value and what is accepted.
select throws_like(format('select orch.cron_next(%L)', c.cron), c.message, 'Q8 refused: ' || coalesce(c.cron, 'null'))
  from (values (null, '%five fields%'), ('', '%five fields%'), ('* * * *', '%4 fields%'), ('* * * * * *', '%6 fields%'), ('@reboot', '%@daily%'),
               ('60 * * * *', '%minute "60"%0 to 59%'), ('* 24 * * *', '%hour "24"%0 to 23%'), ('* * 0 * *', '%day of month "0"%1 to 31%'),
               ('* * * 13 *', '%month "13"%1 to 12 or jan to dec%'), ('* * * mon *', '%month "mon"%'), ('* * * * 8', '%day of week "8"%'), ('*/0 * * * *', '%minute "*/0"%'),
               ('5/10 * * * *', '%minute "5/10"%steps%'), ('30-10 * * * *', '%minute "30-10"%'), ('1,,2 * * * *', '%minute ""%'), ('-5 * * * *', '%minute "-5"%'),
               ('* * ? * *', '%day of month "?"%'), ('* * L * *', '%day of month "l"%'), ('* * * * 1#2', '%day of week "1#2"%'), ('99999999999 * * * *', '%minute%'),
               ('0 0 30 2 *', '%never comes%'), ('* * 31 apr,jun *', '%never comes%')) as c (cron, message);
select throws_ok($$select orch.cron_next('60 * * * *')$$, 'OR422', null, 'Q8 with its SQLSTATE');
select throws_ok(format('select orch.cron_next(%L, %L)', '* * * * *', c.zone), 'OR422', null, 'Q8 refused: zone ' || coalesce(c.zone, 'null'))
  from (values (null), (''), ('Mars/Olympus'), ('Europe/Berlinn')) as c (zone);
select throws_ok(format('select orch.cron_next(%L, %L, %L)', '* * * * *', 'UTC', c.after), 'OR422', null, 'Q8 refused: after ' || coalesce(c.after, 'null'))
  from (values (null), ('infinity')) as c (after);
select * from finish();
rollback;
