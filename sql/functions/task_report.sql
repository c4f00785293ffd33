create or replace function orch.task_report(ref text)
returns jsonb language sql stable as $$
    select to_jsonb(t) || jsonb_build_object(
               'original_work_item', orch.original_key(t.work_item),
               'why', (select w.why from orch.why as w where w.task_id = t.id),
               'jobs', (select coalesce(jsonb_agg(to_jsonb(j) - 'content' order by j.id), '[]') from orch.jobs as j where j.task_id = t.id),
               'runs', (select coalesce(jsonb_agg(to_jsonb(r) order by r.id), '[]') from orch.agent_runs as r where r.task_id = t.id),
               'transitions', (select coalesce(jsonb_agg(to_jsonb(x) order by x.id), '[]') from orch.transitions as x where x.task_id = t.id),
               'effects', (select coalesce(jsonb_agg(to_jsonb(o) - 'token' order by o.id), '[]') from orch.outbox as o where o.task_id = t.id))
      from orch.tasks as t where t.id = orch.find_task(ref)
$$;
comment on function orch.task_report(text) is 'What GET /tasks/{id} answers; null = no such task.';
