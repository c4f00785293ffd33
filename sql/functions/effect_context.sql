create or replace function orch.effect_context(effect orch.outbox)
returns jsonb language sql stable as $$
    select jsonb_build_object(
               'task_id', t.id, 'work_item', orch.original_key(t.work_item), 'title', t.title, 'branch', t.branch, 'stage', t.stage,
               'head_sha', t.head_sha, 'pull_number', t.pull_number, 'is_terminal', orch.is_terminal(t.stage),
               'plane_issue_id', coalesce(orch.original_key(t.plane_issue_id), effect.payload ->> 'issue_id'),
               'repo', coalesce(t.repo, p.repo), 'clone_url', p.clone_url, 'default_branch', p.default_branch, 'markers', to_jsonb(p.markers),
               'workspace', p.plane_workspace, 'plane_project_id', p.plane_project_id)
      from (values (1)) as one (row)
      left join orch.tasks as t on t.id = effect.task_id
      left join orch.projects as p on p.id = coalesce(t.project_id, (effect.payload ->> 'project_id')::bigint)
$$;
comment on function orch.effect_context(orch.outbox) is 'What an effect''s delivery needs to know of its task and project, with the original keys.';
