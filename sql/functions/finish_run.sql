-- The run is closed whatever became of its job: a cancelled job stays cancelled, and its clean-up waits for just this.
create or replace function orch.finish_run(run_id bigint, outcome text, detail jsonb, job_id bigint default null,
                                           out job_status text, out task_stage text, out note text)
language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
    run orch.agent_runs;
    job orch.jobs;
begin
    perform orch.open_run(run_id, job_id);
    select * into run from orch.agent_runs as r where r.id = finish_run.run_id;
    perform 1 from orch.tasks as t where t.id = run.task_id for no key update;
    perform orch.close_run(run_id, outcome, detail);
    select * into job from orch.jobs as j where j.id = run.job_id for update;
    if job.status <> 'running' or job.run_id <> run.id then
        note := format('job is %s', job.status);
    elsif exists (select from orch.tasks as t where t.id = run.task_id and orch.is_terminal(t.stage)) then
        perform orch.end_job(job.id, 'cancelled', 'the task is terminal');
        note := 'the task is terminal';
    else
        note := orch.settle_job(job, run.id, outcome, detail);
    end if;
    perform orch.review_limits(array[job.id]);
    if run.task_id is not null then
        perform orch.apply_cancel(run.task_id);
        perform orch.review_holds(run.task_id);
        perform orch.add_card(t.id) from orch.tasks as t where t.id = run.task_id and not orch.is_terminal(t.stage);
        perform pg_notify('orch_effects', '');
        perform pg_notify('orch_changed', 'runs');
    end if;
    select j.status, t.stage into job_status, task_stage
      from orch.jobs as j left join orch.tasks as t on t.id = j.task_id where j.id = job.id;
end
$$;
comment on function orch.finish_run(bigint, text, jsonb, bigint) is 'Closes a run and settles its job and task accordingly. OR410: the run is unknown or closed, change nothing. job_id spares a look.';
