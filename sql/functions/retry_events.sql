create or replace function orch.retry_events(most int)
returns int language plpgsql as $$
declare
    due   bigint;
    count int := 0;
begin
    for due in select e.id from orch.events as e
                where e.status in ('failed', 'waiting') and e.next_try_at <= now() order by e.id limit most for update skip locked loop
        perform orch.try_event(due);
        count := count + 1;
    end loop;
    return count;
end
$$;
comment on function orch.retry_events(int) is 'Routes the failed and waiting events whose time has come, oldest first. Answers how many were tried.';
