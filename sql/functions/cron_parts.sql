create or replace function orch.cron_parts(cron text)
returns text[] language plpgsql immutable as $$
declare
    short constant jsonb := '{"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *",
                              "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *"}';
    given text := lower(btrim(cron, E' \t\r\n'));
    part  text[];
begin
    given := coalesce(short ->> given, given);
    part := regexp_split_to_array(given, '\s+');
    if given is null or given = '' or length(given) > 1000 then
        raise exception 'cron "%" is wrong: accepted are five fields (minute, hour, day of month, month, day of week), or @hourly, @daily, @weekly, @monthly, @yearly',
            left(coalesce(cron, 'null'), 80) using errcode = 'OR422';
    elsif given like '@%' then
        raise exception 'cron "%" is unknown: accepted are @hourly, @daily, @weekly, @monthly, @yearly, or five fields', left(cron, 80) using errcode = 'OR422';
    elsif cardinality(part) <> 5 then
        raise exception 'cron "%" has % fields: accepted are five: minute, hour, day of month, month, day of week', cron, cardinality(part)
            using errcode = 'OR422';
    end if;
    return part;
end
$$;
comment on function orch.cron_parts(text) is 'The five fields of a cron expression, with @daily and the like written out; OR422 says what is accepted.';
