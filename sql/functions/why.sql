-- The newest task of the work item tells its story; clean-up of an older namesake has its own lines in orch.stops.
create or replace function orch.why(ref text)
returns table (at timestamptz, what text) language plpgsql stable as $$
declare
    task orch.tasks;
begin
    select * into task from orch.tasks as t where t.id = orch.need_task(ref);
    return query
    select s.at, s.what from (
        select x.at, 1 as rank, x.id as nr, format('%s%s: %s by %s%s', coalesce(x.from_stage || ' -> ', ''), x.to_stage, x.cause, x.actor,
                    coalesce(' (' || coalesce(x.evidence ->> 'reason', x.evidence ->> 'decision') || ')', '')) as what
          from orch.transitions as x where x.task_id = task.id
        union all
        select coalesce(r.ended_at, r.started_at, r.claimed_at), 2, r.id,
               format('run %s: %s, attempt %s on %s %s%s%s', r.id, r.agent, r.attempt, r.node,
                    coalesce('ended ' || r.outcome || coalesce(' with exit ' || r.exit_status, ' by signal ' || r.signal, ''),
                             case when r.stop_at is not null then 'is being stopped' else 'is running' end),
                    coalesce(': ' || r.message, ''),
                    coalesce('; SIGTERM after ' || round(extract(epoch from r.term_at - r.stop_at) * 1000) || ' ms', '')
                    || coalesce(', ' || r.tree_size || ' processes gone after ' || round(extract(epoch from r.gone_at - r.stop_at) * 1000) || ' ms', ''))
          from orch.agent_runs as r where r.task_id = task.id
        union all
        select coalesce(o.ended_at, o.next_at), 3, o.id,
               format('effect %s: %s %s%s', o.id, o.kind, o.status, coalesce(': ' || o.last_error, ''))
          from orch.outbox as o where o.task_id = task.id
           and (o.status in ('pending', 'dead') or o.kind in ('archive', 'worktree_remove', 'branch_delete', 'task_start', 'pull_open', 'pull_merge'))
        union all
        select e.next_try_at, 4, e.id, format('event %s: %s, %s', e.id, e.status, e.reason)
          from orch.events as e where e.facts ->> 'issue_id' = orch.original_key(task.plane_issue_id) and e.status in ('failed', 'waiting')) as s
     order by s.at, s.rank, s.nr;
    return query
    select now(), 'now: ' || coalesce((select w.why from orch.why as w where w.task_id = task.id),
                                      case task.stage when 'done' then 'done, nothing is left to do'
                                           else (select 'stopped by ' || v.asked_by || ' through ' || v.door || ', ' || v.state
                                                   from orch.stops as v where v.id = task.id) end);
end
$$;
comment on function orch.why(text) is 'The whole story of a task, and in its last line why it is not further. select * from orch.why(''ORCH-042'')';
