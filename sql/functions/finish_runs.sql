-- The plain end of a job without a task and without a process to tell of is one statement for all; any other goes through finish_run(), each for itself.
create or replace function orch.finish_runs(run_ids bigint[], outcomes text[], details jsonb[], job_ids bigint[])
returns table (run_id bigint, job_status text, task_stage text, note text, error_code text) language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
    plain_runs bigint[];
    plain_jobs bigint[];
    other      record;
begin
    if array_length(run_ids, 1) <> all (array[array_length(outcomes, 1), array_length(details, 1), array_length(job_ids, 1)]) then
        raise exception 'the lists differ in length: % runs, % outcomes, % details, % jobs', array_length(run_ids, 1), array_length(outcomes, 1),
            array_length(details, 1), array_length(job_ids, 1) using errcode = 'OR422';
    end if;
    select array_agg(f.run_id), array_agg(f.job_id) into plain_runs, plain_jobs
      from unnest(run_ids, outcomes, details, job_ids) as f (run_id, outcome, detail, job_id)
     where f.outcome = 'ok' and coalesce(f.detail, '{}') = '{}' and not exists (select from orch.agent_runs as r where r.id = f.run_id);
    -- By the primary key and nothing else: a join, or the words status = 'running', would have the planner walk jobs_running with all its
    -- dead entries. The number of a run belongs to one job, so that two lists test the pairs; who is neither queued nor finished is running.
    with ended as (
        update orch.jobs as j set status = 'done', finished_at = now(), error = null
         where j.id = any (plain_jobs) and j.run_id = any (plain_runs) and j.finished_at is null and j.status <> 'queued' and j.task_id is null
        returning j.run_id, j.id)
    select array_agg(e.run_id), array_agg(e.id) into plain_runs, plain_jobs from ended as e;
    if plain_jobs is not null then
        perform orch.review_limits(plain_jobs);
        return query select p.id, 'done', null::text, 'done', '' from unnest(plain_runs) as p (id);
    end if;
    if array_length(plain_runs, 1) = array_length(run_ids, 1) then
        return;
    end if;
    for other in select f.* from unnest(run_ids, outcomes, details, job_ids) as f (run_id, outcome, detail, job_id)
                  where plain_runs is null or f.run_id <> all (plain_runs) order by f.job_id loop
        begin
            return query select other.run_id, e.job_status, e.task_stage, e.note, ''
                           from orch.finish_run(other.run_id, other.outcome, other.detail, other.job_id) as e;
        exception when others then
            return query select other.run_id, null::text, null::text, sqlerrm, sqlstate::text;
        end;
    end loop;
end
$$;
comment on function orch.finish_runs(bigint[], text[], jsonb[], bigint[]) is 'Closes many runs of jobs without a task at once, as orch.finish_run() does each. error_code: '''' or the SQLSTATE of that run alone.';
