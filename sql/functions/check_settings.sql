-- A setting that cannot be read would stop every function that asks for it, so it is refused when it is set.
create or replace function orch.check_settings()
returns void language plpgsql as $$
declare
    s record;
begin
    for s in select name, coalesce(override, published) as value from orch.settings loop
        begin
            if s.name like '%\_enabled' then
                perform s.value::boolean;
            elsif s.name like '%\_base' or s.name like '%\_ttl\_s' then
                perform s.value::interval;
            elsif s.name like 'max\_%' or s.name like '%\_max' or s.name like '%\_max\_attempts' then
                perform s.value::int;
            end if;
        exception when data_exception then
            raise exception 'setting "%" cannot be "%": accepted is %', s.name, s.value,
                case when s.name like '%\_enabled' then 'on or off'
                     when s.name like '%\_base' or s.name like '%\_ttl\_s' then 'a duration such as 90 s'
                     else 'a whole number' end
                using errcode = 'OR422';
        end;
    end loop;
end
$$;
comment on function orch.check_settings() is 'Fails with OR422 when a setting has a value that cannot be read.';
