create or replace function orch.without_one(list text[], item text)
returns text[] language sql immutable as $$
    select coalesce(list[:p.at - 1] || list[p.at + 1:], list) from (select array_position(list, item) as at) as p
$$;
comment on function orch.without_one(text[], text) is 'The list without the first of its items that is this one.';
