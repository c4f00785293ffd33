create or replace function orch.need_repo(repo text)
returns void language plpgsql stable as $$
begin
    if not exists (select from orch.projects as p where p.repo = need_repo.repo) then
        raise exception 'repository "%" does not exist; accepted are %', repo,
            coalesce((select string_agg(distinct p.repo, ', ' order by p.repo) from orch.projects as p), 'those of orch.projects, which is empty')
            using errcode = 'OR404';
    end if;
end
$$;
comment on function orch.need_repo(text) is 'Refuses with OR404 a repository of which there is no project, and names those that there are.';
