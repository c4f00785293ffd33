-- Only what changes by itself: a task on which an agent works, one that is watched, and, less often, one that a person reviews. A card that was
-- never sent needs nothing.
create or replace function orch.refresh_cards()
returns int language plpgsql as $$
declare
    count int;
begin
    perform orch.add_card(t.id)
       from orch.tasks as t join orch.tracker_messages as s on s.task_id = t.id and s.kind = 'card'
      where exists (select from orch.agent_runs as r where r.task_id = t.id and r.ended_at is null)
         or exists (select from orch.monitors as m where m.task_id = t.id and m.ended_at is null)
         or t.finished_at is null and t.brd_review_started_at is not null and t.brd_review_ended_at is null
            and s.updated_at < now() - interval '10 minutes';
    get diagnostics count = row_count;
    return count;
end
$$;
comment on function orch.refresh_cards() is 'Promises the cards of tasks whose times go on. How many.';
