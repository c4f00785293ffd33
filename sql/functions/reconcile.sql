-- What a lost look leaves behind: the stage's gate is open by what is stored, and nobody came to ask it. Costs time, never the task.
create or replace function orch.reconcile(out moved int, out skipped int)
language plpgsql as $$
declare
    idle   bigint;
    result text;
    counts jsonb := '{}';
begin
    for idle in select t.id from orch.idle_tasks() as t order by t.id loop
        begin
            result := orch.reconcile_task(idle);
        exception when others then
            result := 'failed'; -- One that cannot be judged must not keep the others waiting.
            raise warning 'task % cannot be reconciled: %', idle, sqlerrm;
        end;
        counts := counts || jsonb_build_object(result, coalesce((counts ->> result)::int, 0) + 1);
    end loop;
    moved := coalesce((counts ->> 'moved')::int, 0);
    skipped := coalesce((select sum(c.value::int) from jsonb_each_text(counts) as c
                          where c.key in ('terminal', 'escalated', 'blocked', 'needs_input')), 0);
    counts := counts - 'waiting'; -- They are a state, and no events: a sum over rounds would tell nothing.
    update orch.duties as d
       set tally = d.tally || (select jsonb_object_agg(c.key, coalesce((d.tally ->> c.key)::bigint, 0) + c.value::bigint)
                                 from jsonb_each_text(counts) as c)
     where d.duty = 'reconciler' and counts <> '{}';
end
$$;
comment on function orch.reconcile() is
    'Asks the gates of idle tasks again and moves on those whose gate is open (moved). Those that are terminal, escalated, blocked or need input are counted and left alone (skipped).';
