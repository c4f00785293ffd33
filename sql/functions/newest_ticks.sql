-- Backwards there is no walking, so the window is doubled until it holds enough: after a year of absence a schedule of each minute costs as
-- much as after a day.
create or replace function orch.newest_ticks(cron text, time_zone text, from_at timestamptz, until_at timestamptz, at_most int)
returns timestamptz[] language plpgsql stable as $$
declare
    span  interval := interval '2 minutes';
    start timestamptz;
    tick  timestamptz;
    found timestamptz[];
begin
    loop
        start := greatest(from_at, until_at - span);
        found := '{}';
        tick := orch.cron_next(cron, time_zone, start - interval '1 microsecond');
        while tick <= until_at loop
            found := found || tick;
            tick := orch.cron_next(cron, time_zone, tick);
        end loop;
        exit when start <= from_at or cardinality(found) >= at_most;
        span := span * 2;
    end loop;
    return found[greatest(1, cardinality(found) - at_most + 1):];
end
$$;
comment on function orch.newest_ticks(text, text, timestamptz, timestamptz, int) is
    'The last ticks of a cron expression from from_at until until_at, at most so many, in order.';
