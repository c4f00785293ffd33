-- A node that has not told what it can run may run anything; and while no node is alive there is nothing to compare with.
create or replace function orch.agent_problem(agent text)
returns text language sql stable as $$
    select case when bool_or(a.name = agent_problem.agent) or bool_or(n.stopped_at is null and n.agents is null)
                     or count(a.name) filter (where n.stopped_at is null) = 0
                     or orch.setting('unknown_agents_enabled')::boolean then null
                else format('agent "%s" is not offered by any node: accepted are %s', left(agent_problem.agent, 80),
                            string_agg(distinct a.name, ', ' order by a.name)) end
      from orch.nodes as n left join lateral unnest(n.agents) as a (name) on true
     where n.stopped_at is null or n.stopped_at > now() - interval '1 day'
$$;
comment on function orch.agent_problem(text) is
    'Why a job for this agent would wait for ever: nodes are alive, and none of them, nor any that stopped within a day, offers it; null = nothing. The setting unknown_agents_enabled switches the question off.';
