-- A claim does not lock the task. Without this one could come between the question whether a deploy has begun and the answer to it, and a deployer
-- that was just given away would be ended. A claim in progress is waited for; a later one steps over the rows. The task's row is locked before.
create or replace function orch.lock_jobs(task_id bigint)
returns void language plpgsql as $$
begin
    perform 1 from orch.jobs as j where j.task_id = lock_jobs.task_id and j.status in ('queued', 'running') order by j.id for no key update;
end
$$;
comment on function orch.lock_jobs(bigint) is 'Keeps claims off the task''s unfinished jobs until the end of the transaction, so that what is decided about them stays true.';
