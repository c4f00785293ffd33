create or replace function orch.review_holds(task_id bigint default null)
returns int language plpgsql as $$
declare
    freed int;
begin
    with now_held as (
        select j.id, orch.hold_reason(j.task_id, j.stage) as reason from orch.jobs as j
         where j.status = 'queued' and j.task_id is not null and coalesce(j.held_by, 'task') = 'task' and (review_holds.task_id is null or j.task_id = review_holds.task_id)),
    changed as (
        update orch.jobs as j set held = n.reason, held_by = case when n.reason is not null then 'task' end from now_held as n
         where j.id = n.id and j.status = 'queued' and j.held is distinct from n.reason returning j.held)
    select count(*) into freed from changed where held is null;
    if freed > 0 then
        perform orch.wake_nodes();
    end if;
    return freed;
end
$$;
comment on function orch.review_holds(bigint) is 'Stores anew why queued jobs wait (of one task, or of all), and wakes the nodes when some no longer do. Answers how many.';
