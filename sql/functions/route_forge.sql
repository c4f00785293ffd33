create or replace function orch.route_forge(event orch.events, out status text, out reason text, out task_id bigint)
language plpgsql as $$
declare
    facts jsonb := event.facts;
    task  orch.tasks;
begin
    status := 'routed';
    if event.kind = 'status' then
        -- A run that is being finished makes its commit known when it commits: waiting for it here, neither can miss the other.
        perform 1 from orch.tasks as t where t.repo = facts ->> 'repo' and t.stage = 'development' order by t.id for no key update;
        insert into orch.ci_statuses as c (repo, sha, context, state, changed_at, target_url)
        values (facts ->> 'repo', facts ->> 'sha', coalesce(facts ->> 'context', ''), facts ->> 'state',
                coalesce((facts ->> 'updated_at')::timestamptz, event.received_at), facts ->> 'target_url')
            on conflict on constraint ci_statuses_pkey do update
           set state = excluded.state, changed_at = excluded.changed_at, target_url = excluded.target_url
         where c.changed_at < excluded.changed_at or c.changed_at = excluded.changed_at and excluded.state <> 'pending';
        select * into task from orch.tasks as t
         where t.repo = facts ->> 'repo' and t.head_sha = facts ->> 'sha' and t.finished_at is null order by t.id limit 1;
    else
        select * into task from orch.tasks as t
         where t.repo = facts ->> 'repo' and t.finished_at is null
           and t.branch = coalesce(facts ->> 'head_ref', nullif(substr(facts ->> 'ref', 12), '')) order by t.id limit 1;
    end if;
    task_id := task.id;
    if task.id is null then
        status := case event.kind when 'status' then 'routed' else 'ignored' end;
        reason := case event.kind when 'status' then 'kept: no task is at this commit' else 'no unfinished task has this branch' end;
        return;
    end if;
    select * into task from orch.tasks as t where t.id = task.id for no key update;
    if event.kind = 'push' and facts ->> 'ref' like 'refs/heads/%' and orch.active_job(task.id) is null then
        update orch.tasks as t set head_sha = facts ->> 'after' where t.id = task.id and t.head_sha = facts ->> 'before';
    elsif event.kind = 'pull_request' then
        update orch.tasks as t set pull_number = coalesce(t.pull_number, (facts ->> 'number')::bigint) where t.id = task.id;
    end if;
    reason := 'noted';
    if task.stage = 'development' and task.attention is null and orch.active_job(task.id) is null then
        select a.decision || ': ' || a.reason into reason from orch.advance(task.id, '{}', event.source, event.id) as a;
    end if;
end
$$;
comment on function orch.route_forge(orch.events) is 'Takes in commit statuses, pushes and pull requests; a task that waits for CI is looked at again.';
