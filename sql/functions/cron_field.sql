create or replace function orch.cron_field(cron text, field text, given text, low int, high int, names text[] default '{}')
returns int[] language plpgsql immutable as $$
declare
    accepted constant text := format('%s to %s%s, *, lists (1,2), ranges (1-5) and steps (*/5, 1-30/5)', low, high,
                                     coalesce(' or ' || names[1] || ' to ' || names[array_upper(names, 1)], ''));
    found    int[] := '{}';
    item     text;
    part     text[];
    first    int;
    last     int;
    step     int;
begin
    foreach item in array string_to_array(lower(given), ',') loop
        part := regexp_match(item, '^(?:(\*)|([a-z]{3}|\d{1,4})(?:-([a-z]{3}|\d{1,4}))?)(?:/(\d{1,4}))?$');
        -- A step needs something to step through: in 5/10 it is not said where it ends.
        if part is null or part[4] is not null and part[1] is null and part[3] is null then
            raise exception 'cron "%": % "%" is wrong: accepted are %', cron, field, item, accepted using errcode = 'OR422';
        end if;
        first := case when part[1] = '*' then low else orch.cron_number(part[2], low, names) end;
        last := case when part[1] = '*' then high else coalesce(orch.cron_number(part[3], low, names), case when part[3] is null then first end) end;
        step := coalesce(part[4]::int, 1);
        if field = 'day of week' then
            high := 7; -- Sunday is 0 and 7, so that a week may end with it.
            last := case when last = 0 and first > 0 then 7 when part[1] = '*' then 6 else last end;
        end if;
        if first is null or last is null or first < low or last > high or first > last or step < 1 then
            raise exception 'cron "%": % "%" is out of range: accepted are %', cron, field, item, accepted using errcode = 'OR422';
        end if;
        found := found || array(select n from generate_series(first, last, step) as n);
    end loop;
    return array(select distinct case when field = 'day of week' then n % 7 else n end from unnest(found) as n order by 1);
end
$$;
comment on function orch.cron_field(text, text, text, int, int, text[]) is
    'The numbers that one field of a cron expression stands for, in order; OR422 names the field, the value and what is accepted.';
