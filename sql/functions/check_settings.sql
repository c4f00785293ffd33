-- A setting that cannot be read would stop every function that asks for it, so it is refused when it is set.
create or replace function orch.check_settings()
returns void language plpgsql as $$
declare
    s       record;
    is_good boolean;
begin
    for s in select name, coalesce(override, published) as value from orch.settings loop
        is_good := true;
        begin
            if s.name like '%\_enabled' then
                perform s.value::boolean;
            elsif s.name like '%\_base' or s.name like '%\_ttl\_s' or s.name like 'retention\_%' then
                is_good := s.value::interval >= interval '0';
            elsif s.name like 'max\_%' or s.name like '%\_max' or s.name like '%\_max\_attempts' then
                is_good := s.value::int between case when s.name = 'max_transient' then 0 else 1 end
                                            and case when s.name = 'max_attempts' then 100 else 1000000 end;
            end if;
        exception when data_exception then
            is_good := false;
        end;
        if not is_good then
            raise exception 'setting "%" cannot be "%": accepted is %', s.name, s.value,
                case when s.name like '%\_enabled' then 'on or off'
                     when s.name like '%\_base' or s.name like '%\_ttl\_s' or s.name like 'retention\_%' then 'a duration such as 90 s, not below 0'
                     when s.name = 'max_attempts' then 'a whole number from 1 to 100'
                     when s.name = 'max_transient' then 'a whole number from 0 to 1000000'
                     else 'a whole number from 1 to 1000000' end
                using errcode = 'OR422';
        end if;
    end loop;
end
$$;
comment on function orch.check_settings() is 'Fails with OR422 when a setting has a value that cannot be read.';
