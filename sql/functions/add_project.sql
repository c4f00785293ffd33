-- The constraints of the table say the same; here it is said in words.
create or replace function orch.add_project(
    name text, prefix text, repo text, clone_url text, plane_workspace text, plane_project_id text, default_branch text default 'main')
returns text language plpgsql as $$
declare
    problem text;
    taken   text;
begin
    problem := case
        when name is null or btrim(name) = '' then 'a name is missing'
        when prefix is null or prefix !~ '^[A-Z][A-Z0-9_]{0,19}$' then
            format('prefix "%s" cannot be one: accepted are up to 20 capitals, digits and underscores, such as ORCH', prefix)
        when repo is null or repo !~ '^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$' then
            format('repository "%s" cannot be one: accepted is owner/name, such as acme/shop', repo)
        when clone_url is null or clone_url !~ '^[a-z+]+://.' then
            format('address "%s" cannot be cloned: accepted is an URL, such as https://git.example.com/acme/shop.git', clone_url)
        when clone_url ~ '^[a-z+]+://[^/@]*:[^/@]*@' then 'the address to clone holds a password: that is the setting ORCH_GITEA_TOKEN of each node'
        when btrim(coalesce(plane_workspace, '')) = '' then 'the slug of the workspace on the board is missing'
        when btrim(coalesce(plane_project_id, '')) = '' then 'the id of the project on the board is missing'
        when btrim(coalesce(default_branch, '')) = '' then 'the default branch is missing' end;
    if problem is not null then
        raise exception '%', problem using errcode = 'OR422';
    end if;
    select p.name into taken from orch.projects as p
     where add_project.name = p.name or add_project.prefix = p.prefix or add_project.plane_project_id = p.plane_project_id;
    if found then
        raise exception 'project "%" has that name, prefix or id on the board already', taken using errcode = 'OR409';
    end if;
    insert into orch.projects (name, prefix, repo, clone_url, default_branch, plane_workspace, plane_project_id)
    values (add_project.name, add_project.prefix, add_project.repo, add_project.clone_url, add_project.default_branch,
            add_project.plane_workspace, add_project.plane_project_id);
    return format('project %s ties %s-… on the board to %s', name, prefix, repo);
end
$$;
comment on function orch.add_project(text, text, text, text, text, text, text) is
    'Ties a project of the board to a repository. select orch.add_project(''shop'', ''ORCH'', ''acme/shop'', ''https://git.example.com/acme/shop.git'', ''acme'', ''<id of the project>'')';
