create or replace function orch.remove_dep(ref text, depends_on text)
returns text language plpgsql as $$
declare
    task  bigint := orch.need_task(ref);
    other bigint := orch.need_task(depends_on);
begin
    delete from orch.job_deps as d where d.task_id = task and d.depends_on_task_id = other;
    if not found then
        return format('%s did not wait for %s', ref, depends_on);
    end if;
    perform orch.review_holds(task);
    return format('%s no longer waits for %s', ref, depends_on);
end
$$;
comment on function orch.remove_dep(text, text) is 'Takes a dependency away; a job that only waited for it may run. select orch.remove_dep(''ORCH-042'', ''ORCH-041'')';
