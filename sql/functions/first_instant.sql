-- Postgres reads a repeated local time as the second one, and moves a skipped one forward by what was skipped.
create or replace function orch.first_instant(local timestamp, time_zone text)
returns timestamptz language plpgsql stable as $$
declare
    late   timestamptz := local at time zone time_zone;
    shown  timestamp := late at time zone time_zone;
    before timestamptz;
    middle timestamptz;
begin
    if shown = local then
        -- The offset of a day ago: had it gone on, would the clock have shown this before? No zone was ever set back by more than a day.
        before := late - interval '25 hours';
        before := (local - ((before at time zone time_zone) - (before at time zone 'UTC'))) at time zone 'UTC';
        return case when before < late and before at time zone time_zone = local then before else late end;
    end if;
    -- Skipped: the clock jumped within the length of the gap before late. Halving finds the second.
    before := late - (shown - local);
    while late - before > interval '1 second' loop
        middle := date_trunc('second', before + (late - before) / 2);
        if (middle at time zone time_zone) >= local then
            late := middle;
        else
            before := middle;
        end if;
    end loop;
    return late;
end
$$;
comment on function orch.first_instant(timestamp, text) is 'When the clocks of a time zone show this local time first, or jump over it.';
