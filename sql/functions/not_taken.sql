create or replace function orch.not_taken(agent text)
returns text language sql stable as $$
    select case when count(*) filter (where n.agents is null or not_taken.agent = any (n.agents)) = 0
                    then format('no node runs agent "%s"', not_taken.agent)
                when count(*) filter (where n.agents is null or not_taken.agent = any (n.agents) and not n.left_out ? not_taken.agent) = 0
                    then string_agg(format('node %s leaves out agent "%s"%s: %s', n.node, not_taken.agent,
                                           ' until ' || to_char((n.left_out #>> array[not_taken.agent, 'until'])::timestamptz, 'HH24:MI:SS'),
                                           n.left_out #>> array[not_taken.agent, 'why']), '; ' order by n.node)
                             filter (where n.left_out ? not_taken.agent)
                end
      from orch.nodes as n where n.stopped_at is null
$$;
comment on function orch.not_taken(text) is 'Why no node takes jobs of this agent now: none can run it, or all that can leave it out; null = some node does.';
