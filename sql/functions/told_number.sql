-- Usage and cost come from an agent's hand. A run is closed whatever it wrote there.
create or replace function orch.told_number(value jsonb, below numeric)
returns numeric language sql immutable parallel safe as $$
    select case when jsonb_typeof(value) = 'number' and value::numeric >= 0 and value::numeric < below then value::numeric end
$$;
comment on function orch.told_number(jsonb, numeric) is 'A number that somebody told, from 0 to below that bound; anything else is null: not told.';
