create or replace function orch.story_now(task orch.tasks)
returns text language sql stable as $$
    select coalesce(
        (select w.why from orch.why as w where w.task_id = task.id),
        (select case s.state
                    when 'clean' then 'stopped and clean; ' || coalesce(
                        (select format('its issue goes on as task %s', max(t.id)) from orch.tasks as t
                          where orch.original_key(t.plane_issue_id) = orch.original_key(task.plane_issue_id) and t.id > task.id having max(t.id) > 0),
                        'To Analyse starts its issue anew, from the default branch')
                    when 'stopping' then 'stopped, and its process is being ended: ' || s.waits_for
                    when 'needs a hand' then 'stopped, but the clean-up needs a hand: ' || s.waits_for
                    else 'stopped, and being cleaned up: ' || s.waits_for end
           from orch.stops as s where s.id = task.id),
        (select 'done; outstanding: ' || l.what from orch.outstanding(task.id) as l order by l.rank, l.nr limit 1),
        'done, nothing is left to do')
$$;
comment on function orch.story_now(orch.tasks) is 'The last line of orch.why(): what the task waits for, or how it stands after its end.';
