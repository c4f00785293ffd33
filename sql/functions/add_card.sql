-- The card shows the task as it is when the message is sent, so that a burst of changes costs one edit. One that waits is held until we commit; one
-- that is just being taken may not see what we have changed, and another follows it.
create or replace function orch.add_card(task_id bigint)
returns void language plpgsql as $$
begin
    perform 1 from orch.outbox as o
      where o.task_id = add_card.task_id and o.kind = 'card' and o.status = 'pending' and o.token is null for update skip locked;
    if not found then
        perform orch.add_effect(add_card.task_id, 'card');
    end if;
end
$$;
comment on function orch.add_card(bigint) is 'Promises that the task''s live card will be brought up to date.';
