create or replace function orch.said_span(span interval)
returns text language sql stable as $$
    select case when s.minutes < 60 then orch.say('span.minutes', s.minutes::text)
                when s.minutes < 1440 then orch.say('span.hours', (s.minutes / 60)::text, (s.minutes % 60)::text)
                else orch.say('span.days', (s.minutes / 1440)::text, (s.minutes % 1440 / 60)::text) end
      from (select greatest(extract(epoch from span)::bigint / 60, 0) as minutes) as s
$$;
comment on function orch.said_span(interval) is 'How long something takes, for people, in whole minutes.';
