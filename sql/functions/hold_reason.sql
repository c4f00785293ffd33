-- Why a task's queued job may not be claimed now. The claim asks the same question again, so a stale answer holds nothing wrongly.
create or replace function orch.hold_reason(task_id bigint, stage text)
returns text language sql stable as $$
    select case
        when orch.is_terminal(t.stage) then 'the task is ' || t.stage
        when exists (select from orch.agent_runs as r where r.task_id = t.id and r.ended_at is null)
            then (select format('run %s of this task has not ended', r.id) from orch.agent_runs as r
                   where r.task_id = t.id and r.ended_at is null order by r.id limit 1)
        when exists (select from orch.job_deps as d join orch.tasks as a on a.id = d.depends_on_task_id
                      where d.task_id = t.id and not orch.is_terminal(a.stage))
            then 'dependency: waits for ' || (select string_agg(a.work_item, ', ' order by a.id)
                                                from orch.job_deps as d join orch.tasks as a on a.id = d.depends_on_task_id
                                               where d.task_id = t.id and not orch.is_terminal(a.stage))
        when hold_reason.stage = 'analysis' and exists (select from orch.repo_freeze as f where f.repo = t.repo)
            then (select format('frozen since %s: %s', to_char(f.frozen_at, 'YYYY-MM-DD HH24:MI'), f.reason)
                    from orch.repo_freeze as f where f.repo = t.repo)
        when hold_reason.stage = 'analysis' and orch.setting('serial_gate_enabled')::boolean
             and orch.repo_in_scope(t.repo, orch.setting('serial_gate_repos'))
            then (select 'serial gate: ' || b.work_item || ' is unfinished' from orch.tasks as b
                   where b.repo = t.repo and b.id < t.id and not orch.is_terminal(b.stage) and b.finished_at is null order by b.id limit 1)
    end
      from orch.tasks as t where t.id = hold_reason.task_id
$$;
comment on function orch.hold_reason(bigint, text) is 'Why a queued job of this task and stage waits; null = it need not.';
