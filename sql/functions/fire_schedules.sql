-- The row is locked, its jobs are queued and its next tick is set in one transaction: no tick fires twice, whoever else calls. A schedule that
-- cannot fire keeps its tick, says why, and is tried again each minute; the others go on.
create or replace function orch.fire_schedules()
returns int language plpgsql as $$
declare
    due   orch.schedules;
    why   text;
    count int := 0;
begin
    -- As many as one call may take its time for; the next round is a second away.
    for due in select s.* from orch.schedules as s
                where s.next_at <= now() and (s.failed_at is null or s.failed_at < now() - interval '1 minute')
                order by s.next_at, s.name limit 200 for update skip locked loop
        begin
            count := count + orch.fire_schedule(due);
        exception when others then
            why := sqlerrm;
            update orch.schedules as s set failed = why, failed_at = now() where s.name = due.name;
        end;
    end loop;
    return count;
end
$$;
comment on function orch.fire_schedules() is 'Queues the jobs of all schedules that are due. Answers how many.';
