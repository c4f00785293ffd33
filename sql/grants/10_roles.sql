-- The files of sql/grants/ say who may what. Every migrate runs them last, because the functions and views before them were made anew.
-- Only the owner (whoever migrates) touches a table. Everybody else has one of four roles, and a login is made by granting it one of them.
-- Roles belong to the cluster, so another database may be making them at this moment.
do $$
declare
    wanted  text;
    lacking text;
begin
    for wanted in values ('orch_service'), ('orch_operator'), ('orch_producer'), ('orch_reader') loop
        begin
            if to_regrole(wanted) is null then
                execute format('create role %I nologin', wanted);
            end if;
        exception
            when duplicate_object or unique_violation then null;
            when insufficient_privilege then lacking := concat_ws(', ', lacking, wanted);
        end;
    end loop;
    if lacking is not null then
        raise warning 'role "%" may not create the roles %: nothing is granted to them', current_user, lacking
            using hint = format('let a superuser run "create role <name> nologin" for each, or "alter role %I createrole"; '
                                'then run orchd migrate again', current_user);
    end if;
end
$$;
