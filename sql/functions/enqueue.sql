create or replace function orch.enqueue(
    agent text, content text default '', repo text default null, priority int default 0, run_at timestamptz default now(),
    max_attempts int default null, unique_key text default null, tags text[] default '{}')
returns bigint language plpgsql as $$
declare
    new_id bigint;
begin
    if agent is null or agent !~ '^[A-Za-z0-9._-]{1,64}$' then
        raise exception 'agent "%" cannot be queued: accepted are 1 to 64 letters, digits, dots, underscores and hyphens', agent
            using errcode = 'OR422';
    elsif max_attempts not between 1 and 100 then
        raise exception 'max_attempts % is out of range: accepted is 1 to 100', max_attempts using errcode = 'OR422';
    elsif length(unique_key) not between 1 and 200 then
        raise exception 'unique_key has % characters: accepted is 1 to 200', length(unique_key) using errcode = 'OR422';
    end if;
    loop
        insert into orch.jobs (agent, content, repo, priority, run_at, max_attempts, unique_key, tags)
        values (enqueue.agent, coalesce(enqueue.content, ''), enqueue.repo, coalesce(enqueue.priority, 0), coalesce(enqueue.run_at, now()),
                coalesce(enqueue.max_attempts, orch.setting('max_attempts')::int), enqueue.unique_key, coalesce(enqueue.tags, '{}'))
            on conflict do nothing
        returning id into new_id;
        if new_id is not null then
            perform pg_notify('orch_jobs', '');
            return new_id;
        end if;
        select j.id into new_id from orch.jobs as j where j.unique_key = enqueue.unique_key and j.status in ('queued', 'running');
        exit when new_id is not null; -- Else the holder of the key ended in between, and the key is free.
    end loop;
    return new_id;
end
$$;
comment on function orch.enqueue(text, text, text, int, timestamptz, int, text, text[]) is
    'Queues a job in the caller''s own transaction and answers its number; with a unique_key that is queued or running, the number of that one. select orch.enqueue(''report'', ''for March'', priority => 5)';
