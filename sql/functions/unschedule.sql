create or replace function orch.unschedule(name text)
returns text language plpgsql as $$
begin
    delete from orch.schedules as s where s.name = unschedule.name;
    if not found then
        raise exception 'schedule "%" does not exist: orch.timetable lists those that do', left(coalesce(name, 'null'), 100) using errcode = 'OR404';
    end if;
    return format('%s is scheduled no more', name);
end
$$;
comment on function orch.unschedule(text) is 'Takes a schedule away; jobs that it has queued stay. select orch.unschedule(''nightly'')';
