create or replace function orch.say(key text, variadic words text[] default '{}')
returns text language plpgsql stable as $$
declare
    template text;
begin
    select case orch.setting('language') when 'ru' then s.ru else s.en end into template from orch.said() as s where s.key = say.key;
    if template is null then
        raise exception 'there is no text "%"', key;
    end if;
    return format(template, variadic words);
end
$$;
comment on function orch.say(text, text[]) is 'A text for people, in the language of the setting language.';
