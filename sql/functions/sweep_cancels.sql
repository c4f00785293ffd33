create or replace function orch.sweep_cancels()
returns int language sql as $$
    select count(*)::int from orch.tasks as t
     where t.cancel_requested_at is not null and t.finished_at is null and orch.apply_cancel(t.id)
$$;
comment on function orch.sweep_cancels() is 'Applies the deferred STOPs whose window has closed, so that none can wait forever. Answers how many.';
