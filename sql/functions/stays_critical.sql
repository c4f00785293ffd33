-- A claim does not lock the task. Without the lock on its jobs one could come between the question whether a deploy has begun and the answer to it,
-- and a deployer that was just given away would be ended. A claim in progress is waited for; a later one steps over the rows.
create or replace function orch.stays_critical(task_id bigint)
returns boolean language plpgsql as $$
begin
    perform 1 from orch.jobs as j where j.task_id = stays_critical.task_id and j.status in ('queued', 'running') order by j.id for no key update;
    return orch.is_critical(task_id);
end
$$;
comment on function orch.stays_critical(bigint) is 'As orch.is_critical(), and claims are kept off the task''s unfinished jobs until the end of the transaction, so that the answer stays true. For whoever ends jobs by it; the task''s row is locked before.';
