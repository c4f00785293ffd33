create or replace function orch.need_task(ref text)
returns bigint language plpgsql stable as $$
declare
    found_id bigint := orch.find_task(ref);
begin
    if found_id is null then
        raise exception 'task "%" does not exist; accepted is a work item such as ORCH-042 or a task''s number', ref using errcode = 'OR404';
    end if;
    return found_id;
end
$$;
comment on function orch.need_task(text) is 'As orch.find_task(), but fails with OR404 when there is none.';
