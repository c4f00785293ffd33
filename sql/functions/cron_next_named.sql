-- A time that is skipped ticks when the clock jumps over it, and a time that comes twice ticks the first time.
create or replace function orch.cron_next_named(
    minutes int[], hours int[], days int[], months int[], weekdays int[], is_either boolean, time_zone text, after timestamptz)
returns timestamptz language plpgsql stable as $$
declare
    clock constant timestamp := orch.local_time(after, time_zone);
    day   date := orch.cron_day(months, days, weekdays, is_either, clock::date);
    local timestamp;
    tick  timestamptz;
begin
    while day is not null loop
        -- What the clock shows already has ticked.
        for local in select day + make_time(h.hour, m.minute, 0) from unnest(hours) as h (hour), unnest(minutes) as m (minute)
                      where day + make_time(h.hour, m.minute, 0) > clock order by 1 loop
            tick := orch.first_instant(local, time_zone);
            if tick > after then
                return tick;
            end if;
        end loop;
        day := orch.cron_day(months, days, weekdays, is_either, day + 1);
    end loop;
    return null;
end
$$;
comment on function orch.cron_next_named(int[], int[], int[], int[], int[], boolean, text, timestamptz) is
    'Next tick of a schedule that names its hours: it keeps to the local clock. Null = never.';
