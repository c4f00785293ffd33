create or replace function orch.tombstone(key text, task_id bigint)
returns text language sql immutable parallel safe as $$
    select case when key like '%#cancelled-%' then key else key || '#cancelled-' || task_id end
$$;
comment on function orch.tombstone(text, bigint) is 'A natural key with the tombstone of its cancelled task; put on once.';
