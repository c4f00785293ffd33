create or replace function orch.check_agent(agent text)
returns void language plpgsql stable as $$
declare
    problem text;
begin
    -- The usual answers first, and cheap: somebody offers it, or nobody has told anything.
    if exists (select from orch.nodes as n where n.stopped_at is null and check_agent.agent = any (n.agents))
       or not exists (select from orch.nodes as n where n.stopped_at is null and cardinality(n.agents) > 0) then
        return;
    end if;
    problem := orch.agent_problem(agent);
    if problem is not null then
        raise exception '%', problem using errcode = 'OR422';
    end if;
end
$$;
comment on function orch.check_agent(text) is 'Refuses with OR422 an agent that no node offers, and names those that are.';
