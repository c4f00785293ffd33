-- An hour of real time after the other; days on which nothing can tick are jumped over. The day before is looked at too, because
-- a clock that is set back at midnight shows it again.
create or replace function orch.cron_next_walking(
    minutes int[], hours int[], days int[], months int[], weekdays int[], is_either boolean, time_zone text, after timestamptz)
returns timestamptz language plpgsql stable as $$
declare
    at   timestamptz := date_trunc('minute', after) + interval '1 minute';
    day  date;
    tick timestamptz;
begin
    loop
        day := orch.cron_day(months, days, weekdays, is_either, (at at time zone time_zone)::date - 1);
        if day is null then
            return null;
        elsif day > (at at time zone time_zone)::date then
            at := greatest(at, orch.first_instant(day::timestamp, time_zone));
        end if;
        select min(m.at) into tick
          from generate_series(at, at + interval '59 minutes', interval '1 minute') as m (at) cross join timezone(time_zone, m.at) as l (shown)
         where extract(minute from l.shown)::int = any (minutes) and extract(hour from l.shown)::int = any (hours)
           and orch.cron_allows(months, days, weekdays, is_either, l.shown::date);
        if tick is not null then
            return tick;
        end if;
        at := at + interval '1 hour';
    end loop;
end
$$;
comment on function orch.cron_next_walking(int[], int[], int[], int[], int[], boolean, text, timestamptz) is
    'Next tick of a schedule that takes any hour: whatever the clock shows, in real time. Null = never.';
