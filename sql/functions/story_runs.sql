create or replace function orch.story_runs(task orch.tasks)
returns table (at timestamptz, rank int, nr bigint, what text) language sql stable as $$
    select coalesce(r.ended_at, r.started_at, r.claimed_at), 70, r.id,
           format('run %s: %s, attempt %s on %s %s', r.id, r.agent, r.attempt, r.node,
                  coalesce('ended ' || r.outcome || coalesce(' with exit ' || r.exit_status, ' by signal ' || r.signal, ''),
                           case when r.stop_at is not null then 'is being stopped' else 'is running' end))
           || coalesce(': ' || r.message, '')
           || case when r.stop_at is null or r.ended_at is null then ''
                   when r.term_at is not null then
                       '; SIGTERM after ' || orch.span_text(r.term_at - r.stop_at)
                       || coalesce(', SIGKILL after ' || orch.span_text(r.kill_at - r.stop_at),
                                   case when r.gone_at is not null then ', SIGKILL not needed' else '' end)
                   when r.started_at is null then '; nothing was signalled: it had not been started'
                   else '; that anything was signalled is not known' end
           || case when r.stop_at is null or r.ended_at is null or r.started_at is null then ''
                   when r.gone_at is not null then
                       format('; %s %s under its warden, the last gone after %s', r.tree_size,
                              case r.tree_size when 1 then 'process' else 'processes' end, orch.span_text(r.gone_at - r.stop_at))
                   else '; when its last process was gone is not known' end
      from orch.agent_runs as r
     where r.task_id = task.id and (r.ended_at is not null or not orch.is_terminal(task.stage))
$$;
comment on function orch.story_runs(orch.tasks) is
    'Lines of orch.why(): the runs of a task, and how fast those that were stopped went; not what orch.outstanding() tells.';
