create or replace function orch.fail_job(job orch.jobs, run_id bigint, problem text, log text default null)
returns text language plpgsql as $$
begin
    if job.attempts < job.max_attempts then
        return orch.requeue_job(job.id, problem, orch.back_off(orch.setting('retry_base')::interval, job.attempts, '1 hour'), true);
    end if;
    perform orch.end_job(job.id, 'failed', problem);
    if job.task_id is null then
        perform orch.alert_failed(job, problem);
    elsif job.stage = 'deploy' then
        perform orch.send_back(job.task_id, 'the deploy failed: ' || problem, 'gate_rejected', job.agent, null, run_id,
                               jsonb_strip_nulls(jsonb_build_object('log', nullif(log, ''))));
    elsif not orch.apply_cancel(job.task_id) then
        perform orch.block_task_because(job.task_id, 'failed', job.agent, job.attempts::text, problem);
    end if;
    return 'failed';
end
$$;
comment on function orch.fail_job(orch.jobs, bigint, text, text) is
    'A running job''s attempt has failed: it is queued again while attempts are left; else failed, its task is blocked, and an alert tells. A failed deploy sends its task back, with the end of its log.';
