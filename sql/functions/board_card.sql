create or replace function orch.board_card(task orch.tasks, board_url text)
returns jsonb language sql stable as $$
    select jsonb_build_object(
        'id', task.id, 'work_item', orch.original_key(task.work_item), 'title', task.title, 'repo', task.repo, 'stage', task.stage,
        'stage_since', task.stage_since, 'created_at', task.created_at, 'finished_at', task.finished_at,
        'attention', task.attention, 'attention_reason', task.attention_reason,
        'cancel_requested_at', case when task.finished_at is null then task.cancel_requested_at end,
        'url', (select format('%s/%s/projects/%s/issues/%s', rtrim(board_url, '/'), p.plane_workspace, p.plane_project_id, orch.original_key(task.plane_issue_id))
                  from orch.projects as p where p.id = task.project_id and board_url <> ''),
        'why', (select w.why from orch.why as w where w.task_id = task.id),
        'run', (select jsonb_build_object('id', r.id, 'job_id', r.job_id, 'agent', r.agent, 'node', r.node, 'attempt', r.attempt,
                                          'started_at', r.started_at, 'stop_at', r.stop_at)
                  from orch.agent_runs as r where r.task_id = task.id and r.ended_at is null order by r.id desc limit 1),
        'last_run_id', (select max(r.id) from orch.agent_runs as r where r.task_id = task.id),
        'cost_usd', (select coalesce(sum(r.cost_usd), 0) from orch.agent_runs as r where r.task_id = task.id))
$$;
comment on function orch.board_card(orch.tasks, text) is 'One task as the page shows it; board_url is the address of the board, '''' = none.';
