-- Days are read as in crontab(5): when both day fields are restricted (neither has a *), one of them is enough. When clocks change, a schedule
-- that names its hours keeps to the local clock, and one that takes any hour (* or */n) goes on in real time.
create or replace function orch.cron_next(cron text, time_zone text default 'UTC', after timestamptz default now())
returns timestamptz language plpgsql stable as $$
declare
    part      constant text[] := orch.cron_parts(cron);
    minutes   constant int[] := orch.cron_field(cron, 'minute', part[1], 0, 59);
    hours     constant int[] := orch.cron_field(cron, 'hour', part[2], 0, 23);
    days      constant int[] := orch.cron_field(cron, 'day of month', part[3], 1, 31);
    months    constant int[] := orch.cron_field(cron, 'month', part[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}');
    weekdays  constant int[] := orch.cron_field(cron, 'day of week', part[5], 0, 6, '{sun,mon,tue,wed,thu,fri,sat}');
    is_either constant boolean := part[3] !~ '\*' and part[5] !~ '\*';
    tick      timestamptz;
begin
    perform orch.local_time(after, time_zone);
    tick := case when part[2] ~ '\*' then orch.cron_next_walking(minutes, hours, days, months, weekdays, is_either, time_zone, after)
                 else orch.cron_next_named(minutes, hours, days, months, weekdays, is_either, time_zone, after) end;
    if tick is null then
        raise exception 'cron "%" never comes: day of month "%" is in no month of "%"', cron, part[3], part[4] using errcode = 'OR422';
    end if;
    return tick;
end
$$;
comment on function orch.cron_next(text, text, timestamptz) is
    'The first time after a given one at which a cron expression ticks in a time zone. select orch.cron_next(''30 8 * * mon-fri'', ''Europe/Berlin'')';
