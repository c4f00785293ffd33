-- Tables and views are read, never written. There is no secret in them: those stay in the environment of the service.
do $$
declare
    role text;
begin
    for role in select r.rolname from pg_roles as r
                 where r.rolname in ('orch_service', 'orch_operator', 'orch_producer', 'orch_reader') loop
        execute format('revoke all on all tables in schema orch from %I', role);
        execute format('revoke all on all sequences in schema orch from %I', role);
        execute format('revoke all on schema orch from %I', role);
        execute format('grant usage on schema orch to %I', role);
        if role <> 'orch_producer' then
            execute format('grant select on all tables in schema orch to %I', role);
        end if;
    end loop;
end
$$;
