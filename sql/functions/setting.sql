create or replace function orch.setting(name text)
returns text language sql stable as $$
    select coalesce(s.override, s.published) from orch.settings as s where s.name = setting.name
$$;
comment on function orch.setting(text) is 'Value of a setting: the operator''s override, else what the service published.';
