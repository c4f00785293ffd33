create or replace function orch.shortened(words text, most int)
returns text language sql immutable parallel safe as $$
    select case when length(words) > most then left(words, most - 1) || '…' else words end
$$;
comment on function orch.shortened(text, int) is 'Words of at most so many characters; … stands for what was cut off.';
