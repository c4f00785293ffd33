-- A commit is asked for no more often than the grace, as long as its statuses do not change: a CI that takes an hour is not asked each round.
create or replace function orch.ci_to_ask()
returns table (task_id bigint, repo text, sha text) language sql as $$
    update orch.tasks as t set ci_asked_at = now()
     where t.id in (select i.id from orch.idle_tasks() as i
                     where i.stage = 'development' and i.attention is null and i.head_sha is not null
                       and coalesce(i.ci_asked_at <= now() - orch.setting('reconcile_grace')::interval, true)
                     order by i.ci_asked_at nulls first, i.id limit 10)
    returning t.id, t.repo, t.head_sha
$$;
comment on function orch.ci_to_ask() is 'Idle tasks that wait for CI, with the commit whose statuses the forge is to be asked for; at most ten at once.';
