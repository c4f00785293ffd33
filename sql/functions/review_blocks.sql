-- What has ended frees all that it held; a limit frees as many as it has room for. The claim asks again, so that freeing too many does no harm.
create or replace function orch.review_blocks(rules text[] default null)
returns int language plpgsql as $$
declare
    rule     text := '';
    rule_kind text;
    rule_name text;
    room     int;
    freed    int := 0;
begin
    loop
        -- One step in jobs_held for each rule in force, whatever number of jobs it holds.
        select j.held_by into rule from orch.jobs as j
         where j.status = 'queued' and j.held is not null and j.held_by > rule and j.held_by <> 'task'
           and (rules is null or j.held_by = any (rules)) order by j.held_by limit 1;
        exit when rule is null;
        rule_kind := split_part(rule, ' ', 2);
        rule_name := substr(rule, length(split_part(rule, ' ', 1)) + length(rule_kind) + 3);
        if rule like 'pause %' then
            room := case when exists (select from orch.pauses as p where p.kind = rule_kind and p.name = rule_name) then 0 else 10000 end;
        else
            room := coalesce(orch.limit_room(rule_kind, rule_name), 10000);
        end if;
        if room > 0 then
            freed := freed + orch.free_held(rule, room);
        end if;
    end loop;
    return freed;
end
$$;
comment on function orch.review_blocks(text[]) is 'Frees the jobs whose pause or limit no longer stands against them: of these rules, or of all. Answers how many.';
