create or replace function orch.merge_checked(task_id bigint, head text, result jsonb)
returns void language plpgsql as $$
declare
    task  orch.tasks;
    paths text[] := array(select jsonb_array_elements_text(result -> 'conflicts'));
    shown int := 20;
begin
    select * into task from orch.tasks as t where t.id = merge_checked.task_id for no key update;
    if orch.is_terminal(task.stage) or task.head_sha is distinct from head
       or not exists (select from orch.deploys as d join orch.merge_leases as l on l.task_id = d.task_id
                       where d.task_id = task.id and d.phase = 'A') then
        return; -- It was sent back or stopped meanwhile, or the branch has gone on.
    elsif cardinality(paths) > 0 then
        perform orch.send_back(task.id, format('%s does not merge with %s at %s, conflicts in: %s%s', task.branch, p.default_branch,
                                               left(result ->> 'onto', 10), array_to_string(paths[:shown], ', '),
                                               case when cardinality(paths) > shown then format(' and %s more', cardinality(paths) - shown) end),
                               'gate_rejected', 'orchd', null, null, jsonb_build_object('gate', 'merge', 'decision', 'reject') || result)
           from orch.projects as p where p.id = task.project_id;
        return;
    end if;
    update orch.deploys as d set checked_at = now(), checked_onto = result ->> 'onto' where d.task_id = task.id and d.phase = 'A';
    perform orch.add_card(task.id);
    perform orch.begin_deploy(task.id);
end
$$;
comment on function orch.merge_checked(bigint, text, jsonb) is
    'The merge of a parked task''s head was tried in memory: its deploy goes on, or the conflicts, path by path, send it back.';
