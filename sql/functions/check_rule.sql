create or replace function orch.check_rule(kind text, name text, kinds text[])
returns void language plpgsql immutable as $$
begin
    if kind is null or kind <> all (kinds) then
        raise exception 'kind "%" is unknown: accepted are %', kind, array_to_string(kinds, ', ') using errcode = 'OR422';
    elsif kind = 'all' and name <> '' then
        raise exception 'name "%" does not go with kind all: leave it empty', name using errcode = 'OR422';
    elsif kind = 'agent' and (name is null or name !~ '^[A-Za-z0-9._-]{1,64}$') then
        raise exception 'agent "%" is no name of an agent: accepted are 1 to 64 letters, digits, dots, underscores and hyphens', name using errcode = 'OR422';
    elsif kind = 'repo' and (name is null or name !~ '^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$') then
        raise exception 'repo "%" is no name of a repository: accepted is owner/name', name using errcode = 'OR422';
    elsif kind = 'key' and (name is null or length(name) not between 1 and 200) then
        raise exception 'key "%" has % characters: accepted is 1 to 200', left(name, 40), coalesce(length(name), 0) using errcode = 'OR422';
    end if;
end
$$;
comment on function orch.check_rule(text, text, text[]) is 'Refuses what cannot be the kind and name of a pause or a limit, with OR422.';
