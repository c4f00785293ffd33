create or replace function orch.fire_schedule(s orch.schedules)
returns int language plpgsql as $$
declare
    ticks  timestamptz[] := orch.newest_ticks(s.cron, s.time_zone, s.next_at, now(), case when s.missed = 'all' then 100 else 1 end);
    tick   timestamptz;
    job_id bigint;
    count  int := 0;
begin
    foreach tick in array ticks loop
        -- A tick is missed when nobody fired it within a minute.
        continue when s.missed = 'skip' and tick <= now() - interval '1 minute';
        job_id := orch.enqueue(s.agent, s.content, s.repo, s.priority, tick, s.max_attempts, format('schedule %s %s', s.name, extract(epoch from tick)::bigint),
                               s.tags);
        count := count + 1;
    end loop;
    update orch.schedules as x
       set next_at = orch.cron_next(s.cron, s.time_zone, now()), failed = null, failed_at = null,
           last_at = case when count > 0 then ticks[array_upper(ticks, 1)] else x.last_at end, last_job_id = coalesce(job_id, x.last_job_id)
     where x.name = s.name;
    return count;
end
$$;
comment on function orch.fire_schedule(orch.schedules) is 'Queues what is due of one schedule, whose row is locked, and moves its next tick. Answers how many jobs.';
