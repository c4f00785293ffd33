-- A rough span changes by steps that grow with it: what shows it for days is not brought up to date each minute.
create or replace function orch.said_span(span interval, is_rough boolean default false)
returns text language sql stable as $$
    select case when s.minutes < 60 and is_rough then orch.say('span.minutes', (s.minutes / 5 * 5)::text)
                when s.minutes < 60 then orch.say('span.minutes', s.minutes::text)
                when s.minutes < 1440 and is_rough then orch.say('span.hours', (s.minutes / 60)::text)
                when s.minutes < 1440 then orch.say('span.hours.minutes', (s.minutes / 60)::text, (s.minutes % 60)::text)
                else orch.say('span.days', (s.minutes / 1440)::text, (s.minutes % 1440 / 60)::text) end
      from (select greatest(floor(extract(epoch from span) / 60), 0)::bigint as minutes) as s
$$;
comment on function orch.said_span(interval, boolean) is 'How long something takes, for people, in whole minutes.';
