create or replace function orch.fail_job(job orch.jobs, run_id bigint, problem text)
returns text language plpgsql as $$
begin
    if job.attempts < job.max_attempts then
        return orch.requeue_job(job.id, problem, orch.back_off(orch.setting('retry_base')::interval, job.attempts, '1 hour'), true);
    end if;
    perform orch.end_job(job.id, 'failed', problem);
    if job.task_id is null then
        perform orch.alert_failed(job, problem);
    elsif job.stage = 'deploy' then
        perform orch.send_back(job.task_id, 'the deploy failed: ' || problem, 'gate_rejected', job.agent, null, run_id);
    elsif not orch.apply_cancel(job.task_id) then
        perform orch.block_task(job.task_id, 'blocked', format('%s failed %s times; last: %s', job.agent, job.attempts, problem));
    end if;
    return 'failed';
end
$$;
comment on function orch.fail_job(orch.jobs, bigint, text) is 'A running job''s attempt has failed: it is queued again while attempts are left; else failed, its task is blocked, and an alert tells.';
