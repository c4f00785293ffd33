create or replace function orch.story_moves(task orch.tasks)
returns table (at timestamptz, rank int, nr bigint, what text) language sql stable as $$
    select x.at, case x.cause when 'stop' then 50 else 10 end, x.id,
           case when x.cause = 'stop' and x.to_stage = task.stage then
                format('%s -> %s: the STOP took effect %s; jobs cancelled: %s', x.from_stage, x.to_stage,
                       case when task.cancel_requested_at is not null then
                                'when it could, ' || orch.span_text(x.at - least(task.cancel_heard_at, task.cancel_requested_at))
                                || ' after it was asked for'
                            else 'at once' || coalesce(', ' || orch.span_text(greatest(x.at - task.cancel_heard_at, interval '0'))
                                                       || ' after it was heard of', '') end,
                       x.evidence ->> 'jobs_cancelled')
                else format('%s%s: %s by %s%s', coalesce(x.from_stage || ' -> ', ''), x.to_stage, x.cause, x.actor,
                            coalesce(' (' || coalesce(x.evidence ->> 'reason', x.evidence ->> 'decision') || ')', '')) end
      from orch.transitions as x where x.task_id = task.id
    union all
    select d.finished_at, 45, d.id,
           case d.verdict when 'CANCELLED' then 'its deploy, which had not begun, is given up: the merge lease goes to the next task'
                          else format('its deploy ended: %s%s', d.verdict, coalesce(', ' || d.detail, '')) end
      from orch.deploys as d where d.task_id = task.id and d.finished_at is not null and task.cancel_actor is not null
    union all
    select task.created_at, 0, 0, 'earlier tasks of this issue, each with a story of its own: ' || s.numbers
      from (select string_agg('orch.why(''' || t.id || ''')', ', ' order by t.id) as numbers from orch.tasks as t
             where orch.original_key(t.plane_issue_id) = orch.original_key(task.plane_issue_id) and t.id < task.id) as s
     where s.numbers is not null
    union all
    (select t.created_at, 90, t.id, format('the issue was started anew by %s as task %s: orch.why(''%s'')', x.actor, t.id, t.id)
       from orch.tasks as t join orch.transitions as x on x.task_id = t.id and x.from_stage is null
      where orch.original_key(t.plane_issue_id) = orch.original_key(task.plane_issue_id) and t.id > task.id order by t.id limit 1)
$$;
comment on function orch.story_moves(orch.tasks) is 'Lines of orch.why(): stages, the deploy of a stopped task, and other tasks of the same issue.';
