-- The terminal question stands in the statement that writes, so that no order of events can revive a stopped task's job.
create or replace function orch.requeue_job(job_id bigint, error text, wait interval, uses_attempt boolean)
returns text language plpgsql as $$
declare
    new_status text;
begin
    update orch.jobs as j
       set status = case when orch.is_terminal(t.stage) then 'cancelled' else 'queued' end,
           finished_at = case when orch.is_terminal(t.stage) then now() end,
           attempts = case when requeue_job.uses_attempt then j.attempts else greatest(j.attempts - 1, 0) end,
           run_at = now() + requeue_job.wait, error = requeue_job.error, held = null, held_by = null
      from (select k.id, c.stage from orch.jobs as k left join orch.tasks as c on c.id = k.task_id where k.id = requeue_job.job_id) as t
     where j.id = t.id and j.status = 'running'
    returning j.status into new_status;
    if new_status = 'queued' then
        perform orch.wake_nodes(); -- Whoever sleeps until the next job is due does not know of this one, nor does the node that had it.
    end if;
    return new_status;
end
$$;
comment on function orch.requeue_job(bigint, text, interval, boolean) is 'Queues a running job again, or cancels it when its task is terminal; answers its status.';
