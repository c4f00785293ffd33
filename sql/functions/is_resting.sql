create or replace function orch.is_resting(channel text)
returns boolean language sql stable as $$
    select exists (select from orch.channels as c where c.channel = is_resting.channel and c.quiet_until > clock_timestamp())
$$;
comment on function orch.is_resting(text) is 'Whether the other side of a channel has asked for patience until later.';
