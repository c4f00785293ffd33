create or replace function orch.add_dep(ref text, depends_on text)
returns text language plpgsql as $$
declare
    task  bigint := orch.need_task(ref);
    other bigint := orch.need_task(depends_on);
    cycle text;
begin
    lock table orch.job_deps in share row exclusive mode;
    with recursive path (id, trail) as (
        select other, array[task, other]
        union all
        select d.depends_on_task_id, p.trail || d.depends_on_task_id
          from path as p join orch.job_deps as d on d.task_id = p.id where p.id <> task and not d.depends_on_task_id = any (p.trail[2:]))
    select string_agg(orch.original_key(t.work_item), ' -> ' order by s.nr) into cycle
      from (select p.trail from path as p where p.id = task limit 1) as f, unnest(f.trail) with ordinality as s (id, nr)
      join orch.tasks as t on t.id = s.id;
    if cycle is not null then
        raise exception 'task % cannot wait for %: that is a cycle, %', ref, depends_on, cycle using errcode = 'OR422';
    end if;
    insert into orch.job_deps (task_id, depends_on_task_id) values (task, other) on conflict do nothing;
    perform orch.review_holds(task);
    return format('%s waits for %s', ref, depends_on);
end
$$;
comment on function orch.add_dep(text, text) is 'Makes a task wait until another is terminal; a cycle is refused and spelled out. select orch.add_dep(''ORCH-042'', ''ORCH-041'')';
