-- A page of the list goes by number, so that it costs the same however many tasks there are, and none is shown twice while others come.
create or replace function orch.tasks_report(state text, repo text, most int, before bigint)
returns jsonb language sql stable as $$
    with page as (
        select t.id, orch.original_key(t.work_item) as work_item, t.title, t.repo, t.branch, t.stage, t.stage_since, t.attention, t.attention_reason,
               t.pull_number, t.head_sha, t.cancel_requested_at, t.created_at, t.finished_at
          from orch.tasks as t
         where (tasks_report.before is null or t.id < tasks_report.before)
           and (tasks_report.repo is null or t.repo = tasks_report.repo)
           and case tasks_report.state when 'unfinished' then t.finished_at is null when 'finished' then t.finished_at is not null else true end
         order by t.id desc limit tasks_report.most)
    select jsonb_build_object('tasks', coalesce(jsonb_agg(to_jsonb(p) order by p.id desc), '[]'),
                              'next', case when count(*) = tasks_report.most then min(p.id) end)
      from page as p
$$;
comment on function orch.tasks_report(text, text, int, bigint) is
    'What GET /tasks answers: tasks of a state (unfinished, finished or all) and a repository (null = all), the newest first; next goes on after them as before.';
