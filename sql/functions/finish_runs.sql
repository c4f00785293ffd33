-- A good end of a job without a task, which is nearly every one, is two statements for all; any other goes through finish_run(), each for itself.
create or replace function orch.finish_runs(run_ids bigint[], outcomes text[], details jsonb[], job_ids bigint[])
returns table (run_id bigint, job_status text, task_stage text, note text, error_code text)
language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
    closed    bigint[];
    good_runs bigint[];
    good_jobs bigint[];
    other     record;
begin
    if array_length(run_ids, 1) <> all (array[array_length(outcomes, 1), array_length(details, 1), array_length(job_ids, 1)]) then
        raise exception 'the lists differ in length: % runs, % outcomes, % details, % jobs', array_length(run_ids, 1), array_length(outcomes, 1),
            array_length(details, 1), array_length(job_ids, 1) using errcode = 'OR422';
    end if;
    -- Runs before jobs, as everywhere. A run that has no row has nothing to tell, or takes the other way.
    if not outcomes <@ '{ok}' or exists (select from unnest(details) as d (detail) where coalesce(d.detail, '{}') <> '{}') then
        select array_agg(c.id) into closed
          from (select array_agg(f.run_id) as runs, array_agg(f.outcome) as outcomes, array_agg(f.detail) as details
                  from unnest(run_ids, outcomes, details) as f (run_id, outcome, detail) where f.outcome = 'ok') as g,
               orch.close_runs(g.runs, g.outcomes, g.details) as c (id);
    end if;
    select array_agg(f.run_id), array_agg(f.job_id) into good_runs, good_jobs
      from unnest(run_ids, outcomes, details, job_ids) as f (run_id, outcome, detail, job_id)
     where f.outcome = 'ok'
       and (f.run_id = any (closed)
            or coalesce(f.detail, '{}') = '{}' and not exists (select from orch.agent_runs as r where r.id = f.run_id));
    -- By the primary key and nothing else: a join, or the words status = 'running', would have the planner walk jobs_running with all its
    -- dead entries. The number of a run belongs to one job, so that two lists test the pairs; who is neither queued nor finished is running.
    with ended as (
        update orch.jobs as j set status = 'done', finished_at = now(), error = null
         where j.id = any (good_jobs) and j.run_id = any (good_runs) and j.finished_at is null and j.status <> 'queued' and j.task_id is null
        returning j.run_id, j.id)
    select array_agg(e.run_id), array_agg(e.id) into good_runs, good_jobs from ended as e;
    if good_jobs is not null then
        perform orch.review_limits(good_jobs);
        return query select g.id, 'done', null::text, 'done', '' from unnest(good_runs) as g (id);
    end if;
    if array_length(good_runs, 1) = array_length(run_ids, 1) then
        return;
    end if;
    for other in select f.* from unnest(run_ids, outcomes, details, job_ids) as f (run_id, outcome, detail, job_id)
                  where good_runs is null or f.run_id <> all (good_runs) order by f.job_id loop
        begin
            if other.run_id = any (closed) then
                return query select other.run_id, j.status, null::text, format('job is %s', j.status), '' from orch.jobs as j where j.id = other.job_id;
            else
                return query select other.run_id, e.job_status, e.task_stage, e.note, ''
                               from orch.finish_run(other.run_id, other.outcome, other.detail, other.job_id) as e;
            end if;
        exception when others then
            return query select other.run_id, null::text, null::text, sqlerrm, sqlstate::text;
        end;
    end loop;
end
$$;
comment on function orch.finish_runs(bigint[], text[], jsonb[], bigint[]) is 'Closes many runs of jobs without a task at once, as orch.finish_run() does each. error_code: '''' or the SQLSTATE of that run alone.';
