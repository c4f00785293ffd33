create or replace function orch.clear_limit(kind text, name text default '')
returns text language plpgsql as $$
begin
    perform orch.check_rule(kind, name, array['all', 'agent', 'repo', 'key']);
    delete from orch.limits as l where l.kind = clear_limit.kind and l.name = coalesce(clear_limit.name, '');
    if not found then
        return format('%s had no limit', btrim(kind || ' ' || name));
    end if;
    perform orch.free_held(format('limit %s %s', kind, coalesce(name, '')));
    return format('%s has no limit', btrim(kind || ' ' || name));
end
$$;
comment on function orch.clear_limit(text, text) is 'Takes a limit away; harmless when there is none. select orch.clear_limit(''repo'', ''acme/shop'')';
