-- Volatile, as all that a claim asks after it has the lock: each statement sees what was committed until then.
-- A place is free when the process is gone: a job that was cancelled keeps its own until its run has ended.
create or replace function orch.limit_room(kind text, name text)
returns int language sql as $$
    select least(
        l.at_once - (select count(*) from orch.jobs as j
                      where j.status = 'running' and orch.rule_covers(l.kind, l.name, j.agent, j.repo, j.limit_key))
                  - (select count(*) from orch.agent_runs as r join orch.jobs as j on j.id = r.job_id
                      where r.ended_at is null and j.status = 'cancelled' and orch.rule_covers(l.kind, l.name, j.agent, j.repo, j.limit_key)),
        case when l.window_from + l.period > now() then l.per_period - l.window_started else l.per_period end)::int
      from orch.limits as l where l.kind = limit_room.kind and l.name = limit_room.name
$$;
comment on function orch.limit_room(text, text) is 'How many more jobs may start now under a limit; null = there is no such limit.';
