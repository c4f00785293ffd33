create or replace function orch.story_effects(task orch.tasks)
returns table (at timestamptz, rank int, nr bigint, what text) language sql stable as $$
    select coalesce(o.ended_at, now()), case o.status when 'pending' then 100 else 80 end, o.id,
           case when o.status = 'done' and o.kind = 'archive' then
                    format('archived on node %s: %s; %s', o.holder,
                           coalesce('documents: ' || (o.result ->> 'files') || ' in ' || (o.result ->> 'path'), 'no documents'),
                           coalesce('the branch head ' || left(o.result ->> 'head', 10) || ' is kept as refs/orch/archive/' || task.id,
                                    'there was no branch'))
                when o.status = 'done' and o.kind = 'worktree_remove' then format('worktree removed on node %s', o.holder)
                when o.status = 'done' and o.kind = 'branch_delete' then format('branch %s deleted on the forge', o.payload ->> 'branch')
                when o.status = 'pending' then
                    format('outstanding: effect %s (%s) ', o.id, o.kind)
                    || coalesce(format('failed on attempt %s: ', nullif(o.attempts, 0)) || o.last_error
                                || format('; it is tried again at %s', orch.clock_text(o.next_at)), 'is about to be delivered')
                else format('effect %s: %s %s', o.id, o.kind, o.status) || coalesce(': ' || o.last_error, '')
                     || case o.status when 'dead' then format('; when that is mended: select orch.retry_effect(%s)', o.id) else '' end end
      from orch.outbox as o
     where o.task_id = task.id
       and case when o.kind in ('archive', 'worktree_remove', 'branch_delete') then o.status in ('done', 'skipped') -- the rest: outstanding()
                when orch.moves_task(o.kind) then true
                else o.status = 'dead' or o.status = 'pending' and o.last_error is not null end
    union all
    -- Messages that nobody has tried to send yet are one line, not one each.
    select now(), 100, min(o.id), format('outstanding: %s messages are about to be sent (%s)', count(*), string_agg(distinct o.kind, ', '))
      from orch.outbox as o
     where o.task_id = task.id and o.status = 'pending' and o.last_error is null and o.kind in ('board_comment', 'board_status', 'alert', 'card')
    having count(*) > 0
    union all
    select o.ended_at, 85, o.id,
           format('to get its work back, on node %s: git -C %s/mirrors/%s.git push %s refs/orch/archive/%s:refs/heads/rescue/%s', o.holder,
                  coalesce(regexp_replace(o.result ->> 'path', '/archive/[0-9]+$', ''), '$ORCH_DATA_DIR'), task.repo, p.clone_url, task.id,
                  orch.original_key(task.work_item))
      from orch.outbox as o join orch.projects as p on p.id = task.project_id
     where o.task_id = task.id and o.kind = 'archive' and o.status = 'done' and o.result ->> 'head' is not null
    union all
    select now(), 100, l.nr, 'outstanding: ' || l.what from orch.outstanding(task.id) as l where orch.is_terminal(task.stage)
$$;
comment on function orch.story_effects(orch.tasks) is 'Lines of orch.why(): what was cleaned, how to get it back, and what is outstanding.';
