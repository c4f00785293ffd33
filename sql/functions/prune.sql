-- Each subject is walked by its primary key, oldest first, a step a round, up to the first row that is too young; what is born later has a greater
-- number. The place is remembered, so that rows that stay are not read again in each round, only when a new walk begins from the start:
-- once a day, or once in a twenty-fourth of the period where that is shorter.
create or replace function orch.prune(at_most int default 1000, out pruned int, out goes_on boolean)
language plpgsql as $$
declare
    walk  orch.walks;
    keep  interval;
    slack interval;
    step  record;
begin
    if at_most is null or at_most not between 1 and 100000 then
        raise exception 'at_most % is out of range: accepted is 1 to 100000', coalesce(at_most::text, 'null') using errcode = 'OR422';
    end if;
    delete from orch.job_keys as k
     where k.unique_key in (select d.unique_key from orch.job_keys as d where d.expires_at <= now() order by d.expires_at limit at_most for update skip locked);
    get diagnostics pruned = row_count;
    goes_on := pruned = at_most;
    for walk in select w.* from orch.walks as w order by w.subject for update skip locked loop
        keep := orch.setting(case walk.subject when 'jobs' then 'retention_jobs' else 'retention_events' end)::interval;
        continue when keep = interval '0';
        slack := least(keep / 24, interval '1 day');
        if walk.is_at_end and walk.began_at < now() - slack then
            walk.last_id := 0;
            walk.began_at := now();
        end if;
        case walk.subject
            when 'jobs'   then select * into step from orch.prune_jobs(walk.last_id, at_most, keep, slack);
            when 'events' then select * into step from orch.prune_events(walk.last_id, at_most, keep);
            when 'outbox' then select * into step from orch.prune_outbox(walk.last_id, at_most, keep, slack);
        end case;
        update orch.walks as w
           set last_id = coalesce(step.last_id, walk.last_id), began_at = walk.began_at, is_at_end = not step.is_full, pruned = w.pruned + step.pruned
         where w.subject = walk.subject and (w.last_id, w.began_at, w.is_at_end) is distinct from (coalesce(step.last_id, walk.last_id), walk.began_at, not step.is_full);
        pruned := pruned + step.pruned;
        goes_on := goes_on or step.is_full;
    end loop;
end
$$;
comment on function orch.prune(int) is
    'Deletes what is older than the settings retention_jobs and retention_events say, a small batch of each kind. pruned: how many rows; goes_on: more is waiting. select * from orch.prune()';
