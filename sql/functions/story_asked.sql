-- STOPs that changed nothing are known when they came from the board: its deliveries are kept. The other doors have told whoever asked.
create or replace function orch.story_asked(task orch.tasks)
returns table (at timestamptz, rank int, nr bigint, what text) language sql stable as $$
    select least(coalesce(task.cancel_heard_at, task.cancel_requested_at, task.finished_at), task.cancel_requested_at, task.finished_at),
           20, 0::bigint,
           format('STOP was asked for by %s through %s%s', task.cancel_actor, task.cancel_via,
                  coalesce(': ' || nullif(task.cancel_reason, 'STOP'), ', without a reason'))
     where task.cancel_actor is not null
    union all
    select c.at, 30, 0,
           format('the STOP is deferred: %s; queued jobs cancelled: %s', coalesce(orch.critical_reason(task.id, c.at), 'its deploy has to end first'),
                  (select count(*) from orch.jobs as j
                    where j.task_id = task.id and j.status = 'cancelled' and j.error like 'STOP by %'
                      and j.finished_at <= coalesce(task.cancel_requested_at, now())))
      from (select coalesce(task.cancel_requested_at, task.cancel_heard_at) as at) as c
     where task.cancel_requested_at is not null or task.cancel_actor is not null and task.stage = 'done'
    union all
    select task.finished_at, 60, 0, format('the STOP by %s came too late: already in production', task.cancel_actor)
     where task.cancel_actor is not null and task.stage = 'done'
    union all
    select case when e.next_try_at is null then e.received_at else now() end, case when e.next_try_at is null then 40 else 100 end, e.id,
           format(case when e.next_try_at is not null then
                           'outstanding: a move of the card by board:%1$s (event %2$s) waits: %4$s; it is tried again at %5$s'
                       when e.status = 'failed' then
                           'a move of the card by board:%1$s (event %2$s) failed: %4$s; when that is mended: '
                           'update orch.events set next_try_at = now(), attempts = 0 where id = %2$s'
                       when e.reason like 'disabled: %' then 'a STOP by board:%1$s through board was refused: %3$s'
                       when e.task_id is null then 'STOP again by board:%1$s through board: nothing changed, it was stopped already'
                       else 'STOP again by board:%1$s through board: nothing changed, %3$s' end,
                  coalesce(e.facts ->> 'actor_id', 'unknown'), e.id, regexp_replace(e.reason, '^[a-z_]+: ', ''), e.reason,
                  orch.clock_text(e.next_try_at))
      from orch.events as e
     where e.kind = 'issue' and e.facts ->> 'issue_id' = orch.original_key(task.plane_issue_id)
       and e.received_at >= task.created_at
       and e.received_at < coalesce((select min(s.created_at) from orch.tasks as s
                                      where orch.original_key(s.plane_issue_id) = orch.original_key(task.plane_issue_id)
                                        and s.id > task.id), 'infinity')
       and (e.status in ('failed', 'waiting') or e.reason ~ '^(already_pending|already_cancelled|already_done|disabled): '
            or e.reason = 'unknown issue: no task for status "stop"')
$$;
comment on function orch.story_asked(orch.tasks) is 'Lines of orch.why(): who asked for a STOP, what became of that at once, and who asked again.';
