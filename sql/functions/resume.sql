create or replace function orch.resume(kind text, name text default '')
returns text language plpgsql as $$
declare
    freed int;
begin
    perform orch.check_rule(kind, name, array['all', 'agent', 'repo']);
    delete from orch.pauses as p where p.kind = resume.kind and p.name = coalesce(resume.name, '');
    if not found then
        return format('%s was not paused', btrim(kind || ' ' || name));
    end if;
    freed := orch.free_held(format('pause %s %s', kind, coalesce(name, '')));
    return format('%s goes on; %s %s', btrim(kind || ' ' || name), freed, case when freed = 1 then 'job is ready' else 'jobs are ready' end);
end
$$;
comment on function orch.resume(text, text) is 'Ends a pause; harmless when there is none. select orch.resume(''agent'', ''developer'')';
