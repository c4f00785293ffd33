-- The two windows of orch.is_critical() in words, also of a moment that has passed. Who held a lease then is not kept: a run that was open
-- while no deploy was under way tells of it.
create or replace function orch.critical_reason(task_id bigint, at timestamptz default now())
returns text language sql stable as $$
    select case
               when d.initiated_at is not null then
                   format('a deploy is under way since %s (%s)', orch.clock_text(d.initiated_at),
                          case when r.id is null then 'its merge is not verified yet'
                               else format('job %s, run %s on %s', r.job_id, r.id, r.whereabouts) end)
               when r.id is not null then
                   format('the merge lease of %s is held and job %s is running (%s, run %s on %s)', t.repo, r.job_id, r.agent, r.id, r.whereabouts)
           end
      from orch.tasks as t
      left join lateral (select e.initiated_at from orch.deploys as e
                          where e.task_id = t.id and e.initiated_at <= critical_reason.at
                            and (e.finished_at is null or e.finished_at > critical_reason.at)
                          order by e.id desc limit 1) as d on true
      left join lateral (select a.id, a.job_id, a.agent,
                                case when a.ended_at is null then orch.node_note(a.node) else 'node ' || a.node end as whereabouts
                           from orch.agent_runs as a
                          where a.task_id = t.id and a.claimed_at <= critical_reason.at
                            and (a.ended_at is null or a.ended_at > critical_reason.at)
                          order by a.id desc limit 1) as r on true
     where t.id = critical_reason.task_id
$$;
comment on function orch.critical_reason(bigint, timestamptz) is 'What a STOP waits for, or waited for at that moment; null = nothing that is known.';
