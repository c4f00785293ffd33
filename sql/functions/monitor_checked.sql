-- A window that ends on a failed check goes on until it is known which of the two it is.
create or replace function orch.monitor_checked(monitor_id bigint, error text, every interval, failures int, has_rollback boolean)
returns text language plpgsql as $$
declare
    watch orch.monitors;
begin
    update orch.monitors as m
       set checks = m.checks + 1, failures = case when error is null then 0 else m.failures + 1 end, last_error = coalesce(left(error, 2000), m.last_error),
           checked_at = now(), next_at = now() + every
     where m.id = monitor_id and m.ended_at is null returning m.* into watch;
    if watch.failures >= monitor_checked.failures then
        perform orch.degrade(watch, has_rollback);
    elsif error is null and watch.until <= now() then
        perform orch.end_monitor(watch, 'HEALTHY');
        perform orch.add_effect(watch.task_id, 'board_comment', jsonb_build_object('text',
            orch.say('healthy', orch.said_span(now() - watch.began_at), watch.checks::text)));
    end if;
    return (select m.state from orch.monitors as m where m.id = monitor_id);
end
$$;
comment on function orch.monitor_checked(bigint, text, interval, int, boolean) is
    'A check of what was deployed was made; error null = it was good. Answers the state of the watch: after so many failures in a row it is degraded, after its window healthy.';
