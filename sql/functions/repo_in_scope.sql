create or replace function orch.repo_in_scope(repo text, repos text)
returns boolean language sql immutable parallel safe as $$
    select btrim(coalesce(repos, '')) = ''
        or split_part(repo, '/', 2) = any (string_to_array(replace(repos, ' ', ''), ','))
        or repo = any (string_to_array(replace(repos, ' ', ''), ','))
$$;
comment on function orch.repo_in_scope(text, text) is 'Whether a repository is named by a comma-separated scope; an empty scope means all.';
