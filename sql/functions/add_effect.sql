create or replace function orch.add_effect(task_id bigint, kind text, payload jsonb default '{}', node text default null)
returns bigint language plpgsql as $$
declare
    lane   text;
    new_id bigint;
begin
    select case
               when add_effect.kind in ('board_comment', 'board_status') then 'board/' || t.id
               when add_effect.kind = 'alert' then 'chat/' || t.id
               when add_effect.kind = 'card' then 'card/' || t.id -- Another message: no alert waits for it.
               else 'repo/' || t.repo || '/' || t.branch
           end
      into lane from orch.tasks as t where t.id = add_effect.task_id;
    insert into orch.outbox (task_id, kind, lane, payload, node)
    values (add_effect.task_id, add_effect.kind, coalesce(lane, 'board/issue/' || (payload ->> 'issue_id'), 'chat/agent/' || (payload ->> 'agent'),
                           'chat/node/' || (payload ->> 'node')),
            payload, add_effect.node)
    returning id into new_id;
    perform pg_notify('orch_effects', '');
    return new_id;
end
$$;
comment on function orch.add_effect(bigint, text, jsonb, text) is
    'Promises an effect. The lane keeps the order: what touches a branch waits for all that touched this branch before, also for an earlier task.';
