create or replace function orch.free_held(rule text, at_most int default null)
returns int language plpgsql as $$
declare
    freed int;
begin
    update orch.jobs as j set held = null, held_by = null
     where j.id in (select h.id from orch.jobs as h where h.status = 'queued' and h.held is not null and h.held_by = rule
                     order by h.priority desc, h.run_at, h.id limit at_most for update skip locked);
    get diagnostics freed = row_count;
    if freed > 0 then
        perform orch.wake_nodes();
    end if;
    return freed;
end
$$;
comment on function orch.free_held(text, int) is 'Lets the most urgent jobs that this rule holds be claimed again; at most so many, null = all. Answers how many.';
