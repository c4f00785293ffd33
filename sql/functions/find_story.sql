-- Wider than orch.find_task(): a person who comes from the board has the id of the issue. Of several tasks of one issue the newest, unless
-- the ref carries the tombstone of an older one.
create or replace function orch.find_story(ref text)
returns bigint language plpgsql stable as $$
declare
    named  text := btrim(ref);
    answer bigint := orch.find_task(ref);
begin
    if answer is null then
        select t.id into answer from orch.tasks as t
         where orch.original_key(t.plane_issue_id) = orch.original_key(named)
           and (t.plane_issue_id = named or orch.original_key(named) = named)
         order by t.id desc limit 1;
    end if;
    if answer is null then
        raise exception 'task "%" does not exist; accepted is a work item such as ORCH-042, a task''s number, or the board''s id of an issue', ref
            using errcode = 'OR404';
    end if;
    return answer;
end
$$;
comment on function orch.find_story(text) is
    'Number of the newest task that a person means by a work item, a number or an issue of the board; OR404 when there is none.';
