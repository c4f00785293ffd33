-- The casts are tried one by one, so that the message can name the member.
create or replace function orch.member_problem(job jsonb, members text[])
returns text language plpgsql stable as $$
declare
    j        record;
    unknown  text;
    member   text;
    accepted text;
begin
    if jsonb_typeof(job) <> 'object' then
        return format('is a %s: accepted is an object', jsonb_typeof(job));
    end if;
    select k.name into unknown from jsonb_object_keys(job) as k (name) where k.name <> all (members) order by 1 limit 1;
    if unknown is not null then
        return format('member "%s" is unknown: accepted are %s', left(unknown, 80), array_to_string(members, ', '));
    end if;
    for member, accepted in values ('priority', 'a whole number'), ('max_attempts', 'a whole number from 1 to 100'), ('run_at', 'a time such as 2026-03-31T08:00:00Z'),
                                   ('unique_for', 'an interval such as 1 hour'), ('tags', 'an array of words') loop
        begin
            perform from jsonb_to_record(jsonb_build_object(member, job -> member))
                as t (priority int, max_attempts int, run_at timestamptz, unique_for interval, tags text[]);
        exception when data_exception then
            return format('%s "%s" is wrong: accepted is %s', member, left(job ->> member, 80), accepted);
        end;
    end loop;
    select * into j from jsonb_to_record(job) as t (agent text, repo text, run_at timestamptz, max_attempts int, unique_key text, tags text[],
                                                    unique_for interval, limit_key text);
    return orch.job_problem(j.agent, j.repo, j.run_at, j.max_attempts, j.unique_key, j.tags, j.unique_for, j.limit_key);
end
$$;
comment on function orch.member_problem(jsonb, text[]) is 'What is wrong with one job of an array for orch.enqueue_many(), and what is accepted; null = nothing.';
