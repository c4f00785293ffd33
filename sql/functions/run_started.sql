create or replace function orch.run_started(run_id bigint, pid int, pid_start text, boot_id text, log_path text, job_id bigint default null,
    cgroup text default null)
returns boolean language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
    run orch.agent_runs;
    is_wanted boolean;
begin
    perform orch.open_run(run_id, job_id);
    select * into run from orch.agent_runs as r where r.id = run_started.run_id;
    perform 1 from orch.tasks as t where t.id = run.task_id for no key update;
    update orch.agent_runs as r
       set started_at = now(), pid = run_started.pid, pid_start = run_started.pid_start, boot_id = run_started.boot_id,
           log_path = run_started.log_path, cgroup = run_started.cgroup
     where r.id = run_started.run_id and r.ended_at is null;
    if not found then
        raise exception 'run % is unknown or closed', run_id using errcode = 'OR410';
    end if;
    is_wanted := exists (select from orch.jobs as j where j.run_id = run.id and j.status = 'running');
    if is_wanted and run.stage = 'deploy' then
        perform orch.initiate_deploy(run.task_id, now());
    end if;
    if is_wanted and run.task_id is not null then
        perform orch.add_card(run.task_id);
    end if;
    return is_wanted;
end
$$;
comment on function orch.run_started(bigint, int, text, text, text, bigint, text) is 'Records the process of a run. False: its job is no longer wanted, stop it. A deployer''s start opens the critical window.';
