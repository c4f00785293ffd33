create or replace function orch.add_clean_up(task_id bigint)
returns void language plpgsql as $$
declare
    branch text;
    nodes  text[];
begin
    select t.branch into branch from orch.tasks as t where t.id = add_clean_up.task_id;
    select array_agg(r.node order by r.last desc) into nodes
      from (select a.node, max(a.id) as last from orch.agent_runs as a where a.task_id = add_clean_up.task_id group by a.node) as r;
    perform orch.add_effect(add_clean_up.task_id, 'archive', '{}', nodes[1]);
    perform orch.add_effect(add_clean_up.task_id, 'worktree_remove', '{}', n.node)
       from unnest(coalesce(nodes, array[null::text])) as n (node);
    perform orch.add_effect(add_clean_up.task_id, 'branch_delete', jsonb_build_object('branch', branch));
end
$$;
comment on function orch.add_clean_up(bigint) is 'Promises archive, worktree removal and branch deletion, in this order; each waits until no run of the task is open.';
