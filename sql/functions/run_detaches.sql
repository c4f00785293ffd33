-- Told before the command is started: whatever becomes of the node from here on, the deploy counts as begun, and its run is left to that node
-- until then. Told twice, because an answer was lost, it is the same.
create or replace function orch.run_detaches(run_id bigint, job_id bigint, boot_id text, log_path text, within interval)
returns boolean language plpgsql as $$
declare
    run orch.agent_runs;
begin
    perform orch.open_run(run_id, job_id);
    select * into run from orch.agent_runs as r where r.id = run_detaches.run_id;
    perform 1 from orch.tasks as t where t.id = run.task_id for no key update;
    if not exists (select from orch.jobs as j where j.run_id = run.id and j.status = 'running') then
        return false;
    end if;
    perform orch.initiate_deploy(run.task_id, now());
    update orch.agent_runs as r
       set started_at = coalesce(r.started_at, now()), detached_until = now() + within, boot_id = run_detaches.boot_id, log_path = run_detaches.log_path
     where r.id = run_detaches.run_id and r.ended_at is null
       and exists (select from orch.deploys as d where d.task_id = r.task_id and d.phase = 'B');
    return found;
end
$$;
comment on function orch.run_detaches(bigint, bigint, text, text, interval) is
    'A run''s command is about to be started detached, and ends within that time: opens the critical window of its deploy. False: it must not be started.';
