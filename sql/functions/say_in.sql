create or replace function orch.say_in(language text, key text, variadic words text[] default '{}')
returns text language plpgsql stable as $$
declare
    template text;
begin
    select case say_in.language when 'ru' then s.ru else s.en end into template from orch.said() as s where s.key = say_in.key;
    if template is null then
        raise exception 'there is no text "%"', key;
    end if;
    return format(template, variadic words);
end
$$;
comment on function orch.say_in(text, text, text[]) is 'A text for people in a language, en or ru.';
