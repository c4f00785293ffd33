create or replace function orch.freeze(repo text, reason text)
returns text language plpgsql as $$
declare
    was orch.repo_freeze;
begin
    perform orch.need_repo(repo);
    if coalesce(btrim(reason), '') = '' then
        raise exception 'the freeze of % has no reason; accepted is a text: every task that waits shows it', repo using errcode = 'OR422';
    end if;
    insert into orch.repo_freeze (repo, reason) values ("freeze".repo, btrim("freeze".reason)) on conflict do nothing;
    if not found then
        select * into was from orch.repo_freeze as f where f.repo = "freeze".repo;
        return format('%s is frozen already, by %s: %s', repo, was.frozen_by, was.reason);
    end if;
    perform orch.review_holds();
    return format('%s takes no new tasks', repo);
end
$$;
comment on function orch.freeze(text, text) is
    'Lets a repository take no new tasks until orch.unfreeze(); those under way go on. Harmless when it is frozen already. select orch.freeze(''acme/shop'', ''release week'')';
