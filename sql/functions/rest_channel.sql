-- Whoever hears it tells all: the other side counts what comes with our key, from whichever node and for whatever purpose.
create or replace function orch.rest_channel(channel text, for_at_least interval)
returns boolean language plpgsql as $$
begin
    update orch.channels as c set quiet_until = greatest(c.quiet_until, clock_timestamp() + for_at_least) where c.channel = rest_channel.channel;
    return found;
end
$$;
comment on function orch.rest_channel(text, interval) is 'The other side of a channel asked for patience: nothing is sent there before. false = there is no such channel.';
