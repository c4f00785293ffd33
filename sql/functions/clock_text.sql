create or replace function orch.clock_text(at timestamptz)
returns text language sql stable parallel safe as $$
    select to_char(at, 'YYYY-MM-DD HH24:MI:SS TZ')
$$;
comment on function orch.clock_text(timestamptz) is 'A moment in words for a person, in the time zone of the session.';
