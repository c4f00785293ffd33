-- A round that fails is undone, and the others see why: its error is stored, and told to the caller as a value.
create or replace function orch.run_duty(
    duty text, node text, keep interval, out is_ours boolean, out holder text, out count int, out goes_on boolean, out failed text,
    out skipped int)
language plpgsql as $$
begin
    count := 0;
    skipped := 0;
    goes_on := false;
    is_ours := orch.take_duty(duty, node, keep);
    holder := node;
    if not is_ours then
        select d.node into holder from orch.duties as d where d.duty = run_duty.duty;
        return;
    end if;
    begin
        case duty
            when 'reaper'      then count := orch.reap();
            when 'sweeper'     then count := orch.sweep_cancels();
            when 'reconciler'  then select r.moved, r.skipped into count, skipped from orch.reconcile() as r;
            when 'event_retry' then count := orch.retry_events(50); -- Each is a small piece of routing: fifty take well under a second.
            when 'schedules'   then count := orch.fire_schedules();
            when 'holds'       then count := orch.review_blocks();
            when 'cards'       then count := orch.refresh_cards();
            when 'retention'   then select p.pruned, p.goes_on into count, goes_on from orch.prune(1000) as p;
            else null; -- What it does is not in SQL: the caller goes on.
        end case;
    exception when others then
        failed := sqlerrm;
    end;
    update orch.duties as d set failed = run_duty.failed where d.duty = run_duty.duty and d.failed is distinct from run_duty.failed;
end
$$;
comment on function orch.run_duty(text, text, interval) is
    'One round of a duty, on the node that has it (holder). count: rows changed; goes_on: more is waiting; skipped: rows looked at and left alone, where that is counted; failed: why the round came to nothing, null = it did not.';
