create or replace function orch.schedule(
    name text, cron text, agent text, content text default '', time_zone text default 'UTC', repo text default null, priority int default 0,
    max_attempts int default null, tags text[] default '{}', missed text default 'once')
returns timestamptz language plpgsql as $$
declare
    first_tick constant timestamptz := orch.cron_next(cron, time_zone);
    problem    text := orch.job_problem(agent, repo, now(), max_attempts, null, tags, null, null);
    answer     timestamptz;
begin
    if name is null or name !~ '^[A-Za-z0-9._/-]{1,100}$' then
        problem := format('schedule "%s" cannot have that name: accepted are 1 to 100 letters, digits, dots, slashes, underscores and hyphens',
                          left(coalesce(name, 'null'), 80));
    elsif missed is null or missed not in ('once', 'skip', 'all') then
        problem := format('missed "%s" is unknown: accepted are once, skip, all', left(coalesce(missed, 'null'), 80));
    end if;
    if problem is not null then
        raise exception '%', problem using errcode = 'OR422';
    end if;
    perform orch.check_agent(agent);
    -- Who sets the same times again, as a program does at each of its starts, takes away no tick that is due.
    insert into orch.schedules as s (name, cron, agent, content, time_zone, repo, priority, max_attempts, tags, missed, next_at)
    values (schedule.name, schedule.cron, schedule.agent, coalesce(schedule.content, ''), schedule.time_zone, schedule.repo,
            coalesce(schedule.priority, 0), schedule.max_attempts, coalesce(schedule.tags, '{}'), schedule.missed, first_tick)
        on conflict on constraint schedules_pkey do update
       set cron = excluded.cron, agent = excluded.agent, content = excluded.content, time_zone = excluded.time_zone, repo = excluded.repo,
           priority = excluded.priority, max_attempts = excluded.max_attempts, tags = excluded.tags, missed = excluded.missed,
           next_at = case when (s.cron, s.time_zone) = (excluded.cron, excluded.time_zone) then s.next_at else excluded.next_at end,
           failed = null, failed_at = null, set_at = now(), set_by = session_user
    returning s.next_at into answer;
    return answer;
end
$$;
comment on function orch.schedule(text, text, text, text, text, text, int, int, text[], text) is
    'Lets the clock queue a job at each tick of a cron expression, or changes that; answers the next tick. missed says what becomes of ticks that nobody was there for: once, skip or all. select orch.schedule(''nightly'', ''30 2 * * *'', ''report'', time_zone => ''Europe/Berlin'')';
