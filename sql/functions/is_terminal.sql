-- The one definition of "terminal" for a stage. Everything that asks, asks here.
create or replace function orch.is_terminal(stage text)
returns boolean language sql immutable parallel safe as $$
    select stage in ('done', 'cancelled')
$$;
comment on function orch.is_terminal(text) is 'Whether a stage is terminal: done or cancelled. The only definition there is.';
