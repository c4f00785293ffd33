create or replace function orch.original_key(key text)
returns text language sql immutable parallel safe as $$
    select split_part(key, '#cancelled-', 1)
$$;
comment on function orch.original_key(text) is 'A natural key without the tombstone of a cancelled task.';
