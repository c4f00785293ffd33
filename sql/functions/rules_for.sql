create or replace function orch.rules_for(agent text, repo text, limit_key text)
returns table (kind text, name text) language sql immutable as $$
    select r.kind, r.name from (values ('all', ''), ('agent', agent), ('repo', repo), ('key', limit_key)) as r (kind, name) where r.name is not null
$$;
comment on function orch.rules_for(text, text, text) is 'Keys in orch.pauses and orch.limits that a job of this agent, repository and limit key falls under.';
