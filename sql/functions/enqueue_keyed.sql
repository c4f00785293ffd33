-- Two things keep a key taken: a queued or running job that has it, and a period in orch.job_keys. They are taken in this order:
--   with a period     the row of the key first (whoever wants the same period waits for its lock), then the job; if an active job had the
--                     key already, nothing was queued, and the period is given back;
--   without           the job first, then a look for a period. Once the job stands, no other with the key can begin, so a period that is
--                     seen now was there before, and one that is not seen has its job still to insert, which will meet ours.
create or replace function orch.enqueue_keyed(
    new_id bigint, agent text, content text, repo text, priority int, run_at timestamptz, max_attempts int, unique_key text, tags text[],
    unique_for interval, limit_key text)
returns bigint language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
    kept_by   bigint;
    queued_id bigint;
begin
    loop
        if unique_for is not null then
            insert into orch.job_keys as k (unique_key, job_id, expires_at) values (enqueue_keyed.unique_key, new_id, now() + unique_for)
                on conflict on constraint job_keys_pkey do update set job_id = excluded.job_id, expires_at = excluded.expires_at
             where k.expires_at <= now();
        end if;
        select k.job_id into kept_by from orch.job_keys as k where k.unique_key = enqueue_keyed.unique_key and k.expires_at > now();
        if kept_by <> new_id then
            return kept_by;
        end if;
        insert into orch.jobs (id, agent, content, repo, priority, run_at, max_attempts, unique_key, tags, limit_key) overriding system value
        values (new_id, enqueue_keyed.agent, enqueue_keyed.content, enqueue_keyed.repo, enqueue_keyed.priority, enqueue_keyed.run_at,
                enqueue_keyed.max_attempts, enqueue_keyed.unique_key, enqueue_keyed.tags, enqueue_keyed.limit_key)
            on conflict do nothing
        returning id into queued_id;
        if queued_id is not null then
            select k.job_id into kept_by from orch.job_keys as k where k.unique_key = enqueue_keyed.unique_key and k.expires_at > now();
            if kept_by <> new_id then
                delete from orch.jobs as j where j.id = new_id;
                return kept_by;
            end if;
            return queued_id;
        end if;
        delete from orch.job_keys as k where k.unique_key = enqueue_keyed.unique_key and k.job_id = new_id;
        select j.id into queued_id from orch.jobs as j where j.unique_key = enqueue_keyed.unique_key and j.status in ('queued', 'running');
        if queued_id is not null then
            return queued_id;
        end if; -- Else the holder of the key ended in between, and the key is free.
    end loop;
end
$$;
comment on function orch.enqueue_keyed(bigint, text, text, text, int, timestamptz, int, text, text[], interval, text) is
    'Queues a checked job that has a unique key under the given number, or answers the number of the job that has the key; unique_for = how long the key stays taken, null = while the job is queued or running.';
