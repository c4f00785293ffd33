create or replace function orch.cron_allows(months int[], days int[], weekdays int[], is_either boolean, day date)
returns boolean language sql immutable parallel safe as $$
    select extract(month from day)::int = any (months)
       and case when is_either then extract(day from day)::int = any (days) or extract(dow from day)::int = any (weekdays)
                else extract(day from day)::int = any (days) and extract(dow from day)::int = any (weekdays) end
$$;
comment on function orch.cron_allows(int[], int[], int[], boolean, date) is
    'Whether the day fields of a cron expression allow a day; is_either: both day fields are restricted, and one is enough.';
