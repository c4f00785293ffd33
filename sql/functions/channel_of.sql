create or replace function orch.channel_of(kind text)
returns text language sql immutable parallel safe as $$
    select case when kind in ('alert', 'card') then 'chat' when kind in ('board_comment', 'board_status') then 'board' end
$$;
comment on function orch.channel_of(text) is 'The channel of an effect whose other side limits how much it is asked; null = none.';
