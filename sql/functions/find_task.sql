-- People name a task by its work item in any case, by its number, or by a tombstoned key. An unfinished task wins over cancelled
-- namesakes, and of those the newest.
create or replace function orch.find_task(ref text)
returns bigint language sql stable as $$
    select t.id from orch.tasks as t
     where t.id::text = btrim(ref) or lower(t.work_item) = lower(btrim(ref)) or lower(orch.original_key(t.work_item)) = lower(btrim(ref))
     order by (t.id::text = btrim(ref)) desc, (t.finished_at is null) desc, (t.stage = 'done') desc, t.id desc limit 1
$$;
comment on function orch.find_task(text) is 'Number of the task that a person means by a work item or a number; null = there is none.';
