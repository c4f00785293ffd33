-- Times go on and reasons change without anybody who would promise a card for that: this is where they are seen.
create or replace function orch.refresh_cards()
returns int language plpgsql as $$
declare
    count int;
begin
    perform orch.add_card(t.id)
       from (select u.id from orch.tasks as u where u.finished_at is null
              union select m.task_id from orch.monitors as m where m.ended_at is null) as alive
       join orch.tasks as t on t.id = alive.id
       join orch.tracker_messages as s on s.task_id = t.id and s.channel = 'telegram' and s.kind = 'card'
      where s.digest is distinct from md5(orch.card_text(t));
    get diagnostics count = row_count;
    return count;
end
$$;
comment on function orch.refresh_cards() is 'Promises the cards that no longer show their task as it is. How many.';
