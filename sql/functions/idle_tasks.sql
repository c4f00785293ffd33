-- Nobody is about to move them: no job, no process, no start or merge that is promised. A comment that waits for the board moves nothing.
-- Terminal ones belong to it for a day, so that it can be seen that they are looked at and left alone.
create or replace function orch.idle_tasks()
returns setof orch.tasks language sql stable as $$
    select t.* from orch.tasks as t cross join (select now() - orch.setting('reconcile_grace')::interval as until) as g
     where (t.finished_at is null or t.finished_at > now() - interval '1 day')
       and t.stage_since <= g.until
       and not exists (select from orch.jobs as j where j.task_id = t.id and (j.status in ('queued', 'running') or j.finished_at > g.until))
       and not exists (select from orch.agent_runs as r where r.task_id = t.id and r.ended_at is null)
       and not exists (select from orch.outbox as o
                        where o.task_id = t.id and o.status = 'pending' and orch.moves_task(o.kind))
$$;
comment on function orch.idle_tasks() is
    'Tasks of which nothing has moved, and nothing is about to move, since reconcile_grace: unfinished ones, and those that ended within a day.';
