create or replace function orch.rule_covers(kind text, name text, agent text, repo text, limit_key text)
returns boolean language sql immutable parallel safe as $$
    select case kind when 'all' then true when 'agent' then agent = name when 'repo' then repo = name else limit_key = name end
$$;
comment on function orch.rule_covers(text, text, text, text, text) is 'Whether a pause or limit of this kind and name is for a job of this agent, repository and limit key. The other way round: orch.rules_for().';
