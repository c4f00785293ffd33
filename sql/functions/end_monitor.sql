create or replace function orch.end_monitor(watch orch.monitors, state text)
returns void language plpgsql as $$
begin
    update orch.monitors as m set state = end_monitor.state, ended_at = now() where m.id = watch.id and m.ended_at is null;
    if not found then
        return;
    end if;
    perform orch.add_effect(watch.task_id, 'board_status', jsonb_build_object('key', case end_monitor.state when 'DEGRADED' then 'blocked' else 'done' end));
    perform orch.add_card(watch.task_id);
    perform pg_notify('orch_changed', 'tasks');
end
$$;
comment on function orch.end_monitor(orch.monitors, text) is 'Ends a watch with its state, and shows it on the board and the card.';
