create or replace function orch.apply_cancel(task_id bigint)
returns boolean language plpgsql as $$
begin
    perform 1 from orch.tasks as t
      where t.id = apply_cancel.task_id and t.cancel_requested_at is not null and not orch.is_terminal(t.stage) for no key update;
    if not found or orch.stays_critical(task_id) then
        return false;
    end if;
    perform orch.cancel_task(apply_cancel.task_id);
    return true;
end
$$;
comment on function orch.apply_cancel(bigint) is 'Applies a deferred STOP when the critical window has closed; true when it did.';
