-- Written only when half of the time is over, so that a round a second is not a write a second. A node that left in order, or was found gone,
-- is not waited for.
create or replace function orch.take_duty(duty text, node text, keep interval)
returns boolean language plpgsql as $$
declare
    holder orch.duties;
begin
    select * into holder from orch.duties as d where d.duty = take_duty.duty;
    if holder.node = take_duty.node and holder.until_at > now() + keep / 2 then
        return true;
    elsif holder.node <> take_duty.node and holder.until_at > now()
          and not exists (select from orch.nodes as n where n.node = holder.node and n.stopped_at is not null) then
        return false;
    end if;
    insert into orch.duties as d (duty, node, until_at, ran_at) values (take_duty.duty, take_duty.node, now() + keep, now())
        on conflict on constraint duties_pkey do update set node = excluded.node, until_at = excluded.until_at, ran_at = excluded.ran_at
     where d.node = excluded.node or (d.node, d.until_at) = (holder.node, holder.until_at);
    return found;
end
$$;
comment on function orch.take_duty(text, text, interval) is
    'Whether this node is the one that runs a duty now: it has it, or takes it from one whose time is over or that has stopped, and keeps it so long.';
