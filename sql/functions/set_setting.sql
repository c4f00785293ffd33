create or replace function orch.set_setting(name text, value text)
returns text language plpgsql as $$
declare
    known text;
begin
    update orch.settings as s set override = set_setting.value, updated_at = now(), updated_by = session_user
     where s.name = lower(set_setting.name);
    if not found then
        select string_agg(s.name, ', ' order by s.name) into known from orch.settings as s;
        raise exception 'setting "%" does not exist; known are: %', name, known using errcode = 'OR404';
    end if;
    perform orch.check_settings();
    perform orch.review_holds();
    return orch.setting(lower(name));
end
$$;
comment on function orch.set_setting(text, text) is 'Overrides a setting until it is set to null; answers the value now in force. Refuses values that cannot be read. select orch.set_setting(''max_attempts'', ''3'')';
