create or replace function orch.report_counts()
returns jsonb language sql stable as $$
    select jsonb_build_object(
        'queued', (select count(*) from orch.jobs as j where j.status = 'queued' and j.held is null),
        'held', (select count(*) from orch.jobs as j where j.status = 'queued' and j.held is not null),
        'running', (select count(*) from orch.jobs as j where j.status = 'running'),
        'tasks', (select coalesce(jsonb_object_agg(c.stage, c.n), '{}') from (select t.stage, count(*) as n from orch.tasks as t group by t.stage) as c))
$$;
comment on function orch.report_counts() is 'Block of GET /queue: jobs by status and tasks by stage.';
