create or replace function orch.unfreeze(repo text)
returns text language plpgsql as $$
begin
    delete from orch.repo_freeze as f where f.repo = unfreeze.repo;
    if not found then
        perform orch.need_repo(repo); -- a wrong name is no success
        return format('%s was not frozen', repo);
    end if;
    perform orch.review_holds();
    return format('%s takes new tasks again', repo);
end
$$;
comment on function orch.unfreeze(text) is 'Lets a frozen repository take new tasks again; harmless when it is not frozen. select orch.unfreeze(''acme/shop'')';
