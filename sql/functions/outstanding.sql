-- In the order in which a person wants to know: a process that may live, what needs a hand, what is still being done.
create or replace function orch.outstanding(task_id bigint)
returns table (rank int, nr bigint, what text) language sql stable as $$
    select 1, r.id, format('run %s (%s, job %s) has not ended on %s: %s', r.id, r.agent, r.job_id, orch.node_note(r.node),
               case when n.node is not null then 'any node that is up closes it when the lease has ended'
                    when r.kill_at is not null then 'SIGKILL was sent after ' || orch.span_text(r.kill_at - r.stop_at)
                    when r.term_at is not null then
                        format('SIGTERM was sent after %s, SIGKILL follows after the grace', orch.span_text(r.term_at - r.stop_at))
                    when r.started_at is null then 'it was claimed, and is not to be started any more'
                    else 'its node has not told yet that SIGTERM was sent' end)
      from orch.agent_runs as r
      left join orch.nodes as n on n.node = r.node and (n.stopped_at is not null or n.beat_at + n.lease < now())
     where r.task_id = outstanding.task_id and r.ended_at is null
    union all
    select case o.status when 'dead' then 2 else 3 end, o.id, format('%s (effect %s) %s',
               case o.kind when 'archive' then 'archive'
                           when 'worktree_remove' then 'worktree' || coalesce(' on ' || o.node, '')
                           else 'branch ' || (o.payload ->> 'branch') end, o.id,
               case when o.status = 'dead' then
                        format('gave up on attempt %s: %s; when that is mended: select orch.retry_effect(%s)', o.attempts, o.last_error, o.id)
                    when o.locked_until > now() then
                        format('is under way on node %s, attempt %s', o.holder, o.attempts) || coalesce('; before: ' || o.last_error, '')
                    when r.id is not null then format('waits for run %s to end', r.id)
                    when ahead.id is not null then
                        format('comes after effect %s (%s)', ahead.id, ahead.kind)
                        || case when ahead.task_id <> o.task_id then format(' of task %s', ahead.task_id) else '' end
                    when n.node is not null then format('waits for %s to be started again', orch.node_note(n.node))
                    when o.last_error is not null and o.attempts > 0 then
                        format('failed on attempt %s: %s; it is tried again at %s', o.attempts, o.last_error, orch.clock_text(o.next_at))
                    else 'is about to be done' || coalesce(', after: ' || o.last_error, '') end)
      from orch.outbox as o
      left join lateral (select a.id from orch.agent_runs as a
                          where a.task_id = o.task_id and a.ended_at is null order by a.id limit 1) as r on true
      left join lateral (select e.id, e.kind, e.task_id from orch.outbox as e
                          where e.lane = o.lane and e.status = 'pending' and e.id < o.id order by e.id desc limit 1) as ahead on true
      left join orch.nodes as n on n.node = o.node and (n.stopped_at is not null or n.beat_at + n.lease < now())
     where o.task_id = outstanding.task_id and o.status in ('pending', 'dead') and o.kind in ('archive', 'worktree_remove', 'branch_delete')
$$;
comment on function orch.outstanding(bigint) is
    'What of a task''s end is not done: 1 = a run that lives, 2 = an effect that needs a hand, 3 = one that waits or is tried again, and why.';
