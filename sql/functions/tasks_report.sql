-- A page of the list goes by number, so that it costs the same however many tasks there are, and none is shown twice while others come. Each
-- half has an index that is in this order.
create or replace function orch.tasks_report(state text, repo text, most int, before bigint)
returns jsonb language sql stable as $$
    with halves as (
        (select t.* from orch.tasks as t
          where tasks_report.state in ('unfinished', 'all') and t.finished_at is null
            and (tasks_report.before is null or t.id < tasks_report.before) and (tasks_report.repo is null or t.repo = tasks_report.repo)
          order by t.id desc limit tasks_report.most)
        union all
        (select t.* from orch.tasks as t
          where tasks_report.state in ('finished', 'all') and t.finished_at is not null
            and (tasks_report.before is null or t.id < tasks_report.before) and (tasks_report.repo is null or t.repo = tasks_report.repo)
          order by t.id desc limit tasks_report.most)),
    page as (
        select h.id, orch.original_key(h.work_item) as work_item, h.title, h.repo, h.branch, h.stage, h.stage_since, h.attention, h.attention_reason,
               h.pull_number, h.head_sha, h.cancel_requested_at, h.created_at, h.finished_at
          from halves as h order by h.id desc limit tasks_report.most)
    select jsonb_build_object('tasks', coalesce(jsonb_agg(to_jsonb(p) order by p.id desc), '[]'),
                              'next', case when count(*) = tasks_report.most then min(p.id) end)
      from page as p
$$;
comment on function orch.tasks_report(text, text, int, bigint) is
    'What GET /tasks answers: tasks of a state (unfinished, finished or all) and a repository (null = all), the newest first; next goes on after them as before.';
