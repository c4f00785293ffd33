-- A bucket from which each message takes one, and into which they flow back: a quarter of a minute's messages may go at once, and no minute has more
-- than the setting says. Whoever asks holds the bucket until the end of its transaction.
create or replace function orch.chat_room()
returns int language plpgsql as $$
declare
    most int := orch.setting('telegram_per_minute')::int;
    burst numeric := greatest(most / 4, 1);
    room numeric;
begin
    if most = 0 then
        return null;
    end if;
    update orch.channels as c
       set tokens = least(burst, c.tokens + extract(epoch from clock_timestamp() - c.filled_at) * (most - burst) / 60), filled_at = clock_timestamp()
     where c.channel = 'chat' returning c.tokens into room;
    return floor(room);
end
$$;
comment on function orch.chat_room() is 'How many messages may be sent to the messenger now; null = any number.';
