-- One story is one task's: an issue that was stopped and started anew has several, and each names the others.
create or replace function orch.why(ref text)
returns table (at timestamptz, what text) language plpgsql stable as $$
declare
    task orch.tasks;
begin
    select * into task from orch.tasks as t where t.id = orch.find_story(ref);
    return query
    select s.at, s.what
      from (select * from orch.story_moves(task)
            union all
            select * from orch.story_asked(task)
            union all
            select * from orch.story_runs(task)
            union all
            select * from orch.story_effects(task)) as s
     order by s.at, s.rank, s.nr;
    return query select now(), 'now: ' || orch.story_now(task);
end
$$;
comment on function orch.why(text) is
    'The whole story of a task (a work item, a number, or the board''s id of an issue), and in its last line why it is not further. select * from orch.why(''ORCH-042'')';
