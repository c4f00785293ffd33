-- The longest wait there is, 29 February on one day of the week over a year such as 2100, is 40 years: who finds nothing by then never will.
create or replace function orch.cron_day(months int[], days int[], weekdays int[], is_either boolean, from_day date)
returns date language plpgsql immutable as $$
declare
    day   date := from_day;
    until constant date := from_day + 41 * 366;
begin
    while day < until loop
        if orch.cron_allows(months, days, weekdays, is_either, day) then
            return day;
        end if;
        day := case when extract(month from day)::int = any (months) then day + 1 else date_trunc('month', day::timestamp) + interval '1 month' end;
    end loop;
    return null;
end
$$;
comment on function orch.cron_day(int[], int[], int[], boolean, date) is 'The first day from from_day on that the day fields of a cron expression allow; null = never.';
