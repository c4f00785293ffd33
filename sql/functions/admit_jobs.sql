-- The rows are locked by the claim that asks. Whoever is refused is held by one rule, and the end of that rule frees just those that wait for it.
create or replace function orch.admit_jobs(job_ids bigint[])
returns bigint[] language plpgsql as $$
declare
    job      record;
    refusal  record;
    admitted bigint[] := '{}';
begin
    for job in select j.id, j.agent, j.repo, j.limit_key, j.task_id, j.stage
                 from unnest(job_ids) with ordinality as u (id, nr) join orch.jobs as j on j.id = u.id order by u.nr loop
        select 'task' as held_by, orch.hold_reason(job.task_id, job.stage) as words into refusal;
        if refusal.words is null then
            select b.held_by, b.words into refusal from orch.blocked_by(job.agent, job.repo, job.limit_key, admitted) as b;
        end if;
        if refusal.words is null then
            admitted := admitted || job.id;
            continue;
        end if;
        update orch.jobs as j set held = refusal.words, held_by = refusal.held_by where j.id = job.id;
    end loop;
    update orch.limits as l
       set window_from = case when l.window_from + l.period > now() then l.window_from else now() end,
           window_started = case when l.window_from + l.period > now() then l.window_started else 0 end + s.started
      from (select r.kind, r.name, count(*) as started from orch.jobs as j cross join lateral orch.rules_for(j.agent, j.repo, j.limit_key) as r
             where j.id = any (admitted) group by r.kind, r.name) as s
     where l.per_period is not null and l.kind = s.kind and l.name = s.name;
    return admitted;
end
$$;
comment on function orch.admit_jobs(bigint[]) is 'Those of the given queued jobs that may start now; the others are held by what stands against them.';
