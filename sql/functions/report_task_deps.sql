create or replace function orch.report_task_deps()
returns jsonb language sql stable as $$
    select coalesce(jsonb_agg(jsonb_build_object('task', t.work_item, 'waits_for', a.work_item) order by t.id, a.id), '[]')
      from orch.job_deps as d join orch.tasks as t on t.id = d.task_id join orch.tasks as a on a.id = d.depends_on_task_id
     where not orch.is_terminal(t.stage) and not orch.is_terminal(a.stage)
$$;
comment on function orch.report_task_deps() is 'Block of GET /queue: dependencies that hold somebody.';
