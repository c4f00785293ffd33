create or replace function orch.status_report()
returns jsonb language sql stable as $$
    select jsonb_build_object('tasks', coalesce(jsonb_agg(to_jsonb(a) order by a.id), '[]')) from orch.active as a
$$;
comment on function orch.status_report() is 'What GET /status answers: unfinished tasks.';
