-- An agent that a node begins to leave out is worth a person's look, once: what stays left out was told, and what is not yet known is no news.
create or replace function orch.node_agents(node text, incarnation uuid, agents text[], left_out jsonb)
returns void language plpgsql as $$
declare
    known jsonb;
    news  record;
begin
    perform orch.need_node(node, incarnation);
    select n.left_out into known from orch.nodes as n where n.node = node_agents.node for no key update;
    for news in select l.key as agent, l.value as told from jsonb_each(node_agents.left_out) as l
                 where not known ? l.key and coalesce(l.value ->> 'preflight', '') <> 'unknown' loop
        perform orch.add_effect(null, 'alert', jsonb_build_object('agent', news.agent, 'text',
            orch.say('left.out', node, news.agent, coalesce(news.told ->> 'why', orch.say('left.out.silent')))));
    end loop;
    update orch.nodes as n
       set agents = node_agents.agents,
           left_out = (select coalesce(jsonb_object_agg(l.key, l.value), '{}') from jsonb_each(node_agents.left_out) as l
                        where coalesce(l.value ->> 'preflight', '') <> 'unknown' or l.value ->> 'breaker' <> 'closed')
     where n.node = node_agents.node;
end
$$;
comment on function orch.node_agents(text, uuid, text[], jsonb) is
    'A node tells which agents it can run, and which of them it leaves out now: {"<agent>": {"breaker", "preflight", "until", "why"}}. Each that it begins to leave out makes an alert.';
