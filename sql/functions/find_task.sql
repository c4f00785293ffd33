-- People name a task by its work item in any case, by its number, or by a tombstoned key. An unfinished task wins over cancelled
-- namesakes, and of those the newest. A number first: it is what the board's deliveries come with, and they must not wait for more.
create or replace function orch.find_task(ref text)
returns bigint language plpgsql stable as $$
declare
    name text := lower(btrim(ref));
    id   bigint;
begin
    if name ~ '^[1-9][0-9]{0,17}$' then
        select t.id into id from orch.tasks as t where t.id = name::bigint;
    end if;
    if id is null then
        select t.id into id from orch.tasks as t
         where lower(split_part(t.work_item, '#cancelled-', 1)) = split_part(name, '#cancelled-', 1)
           and (lower(t.work_item) = name or strpos(name, '#cancelled-') = 0)
         order by (t.finished_at is null) desc, (t.stage = 'done') desc, t.id desc limit 1;
    end if;
    return id;
end
$$;
comment on function orch.find_task(text) is 'Number of the task that a person means by a work item or a number; null = there is none.';
