create or replace function orch.cron_number(given text, low int, names text[])
returns int language sql immutable as $$
    select case when given ~ '^\d+$' then given::int else array_position(names, given) + low - 1 end
$$;
comment on function orch.cron_number(text, int, text[]) is 'Number of a cron value: itself, or the place of a name such as mon; null = neither.';
