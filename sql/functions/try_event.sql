-- Whatever routing throws is undone, kept as the reason, and tried again later: one bad event blocks nothing.
create or replace function orch.try_event(event_id bigint)
returns table (status text, reason text) language plpgsql as $$
declare
    event orch.events;
    task  bigint;
    most  int := orch.setting('event_max_attempts')::int;
begin
    select * into event from orch.events as e where e.id = try_event.event_id for update;
    begin
        select r.status, r.reason, r.task_id into status, reason, task from orch.route_event(event) as r;
    exception when deadlock_detected or serialization_failure then
        raise; -- Not the event's fault: whoever called tries again at once.
    when others then
        status := 'failed';
        reason := sqlerrm;
    end;
    update orch.events as e
       set status = try_event.status, reason = try_event.reason, task_id = task, attempts = e.attempts + 1,
           routed_at = case when try_event.status in ('routed', 'ignored') then now() end,
           -- What waits for the board waits as long as it takes: it may be a STOP.
           next_try_at = case when try_event.status = 'waiting' or try_event.status = 'failed' and e.attempts + 1 < most
                              then now() + orch.back_off(orch.setting('event_retry_base')::interval, e.attempts + 1, '10 minutes') end
     where e.id = event.id;
    return next;
end
$$;
comment on function orch.try_event(bigint) is 'Routes a stored event, and stores what came of it.';
