create or replace function orch.say(key text, variadic words text[] default '{}')
returns text language sql stable as $$ select orch.say_in(orch.setting('language'), key, variadic words) $$;
comment on function orch.say(text, text[]) is 'A text for people, in the language of the setting language.';
