-- One expression, so that a caller in PL/pgSQL pays for no call: the planner puts it in place.
create or replace function orch.job_problem(
    agent text, repo text, run_at timestamptz, max_attempts int, unique_key text, tags text[], unique_for interval, limit_key text)
returns text language sql stable parallel safe as $$
    select case
        when agent is null or agent !~ '^[A-Za-z0-9._-]{1,64}$' then
            'agent "' || left(coalesce(agent, 'null'), 80) || '" cannot be queued: accepted are 1 to 64 letters, digits, dots, underscores and hyphens'
        when repo !~ '^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$' or repo ~ '(^|/)\.{1,2}(/|$)' then
            'repo "' || left(repo, 80) || '" is no name of a repository: accepted is owner/name, or null'
        when not isfinite(run_at) then
            'run_at ' || run_at::text || ' is no time: accepted is a time that will come, or has come'
        when max_attempts not between 1 and 100 then
            'max_attempts ' || max_attempts || ' is out of range: accepted is 1 to 100'
        when length(unique_key) not between 1 and 200 then
            'unique_key has ' || length(unique_key) || ' characters: accepted is 1 to 200'
        when length(limit_key) not between 1 and 200 then
            'limit_key has ' || length(limit_key) || ' characters: accepted is 1 to 200'
        when array_ndims(tags) > 1 or array_position(tags, null) is not null then
            'tags "' || left(tags::text, 80) || '" cannot be stored: accepted is a list of words, none of them null'
        when unique_for is not null and unique_key is null then
            'unique_for goes with a unique_key: none is given'
        when unique_for <= interval '0' or unique_for > interval '3660 days' then
            'unique_for ' || unique_for::text || ' is out of range: accepted is more than 0 and at most 3660 days'
        end
$$;
comment on function orch.job_problem(text, text, timestamptz, int, text, text[], interval, text) is
    'What is wrong with the parameters of a job that is to be queued, and what is accepted; null = nothing.';
