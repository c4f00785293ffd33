-- A setting that cannot be read, or would stop or empty the queue, is refused when it is set.
create or replace function orch.check_settings()
returns void language plpgsql as $$
declare
    s       record;
    is_good boolean;
begin
    for s in select t.name, coalesce(t.override, t.published) as value, k.kind, k.low, k.high
               from orch.settings as t cross join lateral (
                   select case when t.name like '%\_enabled' then 'switch'
                               when t.name like '%\_base' or t.name like '%\_grace' or t.name like '%\_ttl\_s' or t.name like 'retention\_%' then 'duration'
                               when t.name like 'max\_%' or t.name like '%\_max' or t.name like '%\_max\_attempts' or t.name = 'telegram_per_minute' then 'number'
                               when t.name = 'language' then 'language' end as kind,
                          case when t.name in ('max_transient', 'telegram_per_minute') then 0 else 1 end as low,
                          case when t.name = 'max_attempts' then 100 else 1000000 end as high) as k
              where k.kind is not null loop
        begin
            is_good := case s.kind when 'switch' then s.value::boolean is not null
                                   when 'duration' then s.value::interval >= interval '0'
                                   when 'language' then s.value in ('en', 'ru')
                                   else s.value::int between s.low and s.high end;
        exception when data_exception then
            is_good := false;
        end;
        if not is_good then
            raise exception 'setting "%" cannot be "%": accepted is %', s.name, s.value,
                case s.kind when 'switch' then 'on or off'
                            when 'duration' then 'a duration such as 90 s, not below 0'
                            when 'language' then 'en or ru'
                            else format('a whole number from %s to %s', s.low, s.high) end
                using errcode = 'OR422';
        end if;
    end loop;
end
$$;
comment on function orch.check_settings() is 'Fails with OR422 when a setting has a value that cannot be read.';
