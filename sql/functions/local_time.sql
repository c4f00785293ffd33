create or replace function orch.local_time(at timestamptz, time_zone text)
returns timestamp language plpgsql stable as $$
begin
    if at is null or not isfinite(at) then
        raise exception 'after % is no time: accepted is a point in time', coalesce(at::text, 'null') using errcode = 'OR422';
    end if;
    return at at time zone coalesce(time_zone, '');
exception when invalid_parameter_value then
    raise exception 'time_zone "%" is unknown: accepted are the names in pg_timezone_names, such as UTC or Europe/Berlin', left(coalesce(time_zone, 'null'), 80)
        using errcode = 'OR422';
end
$$;
comment on function orch.local_time(timestamptz, text) is 'What the clocks of a time zone show; OR422 for a zone that is not known.';
