create or replace function orch.block_task(task_id bigint, attention text, reason text, said text default null)
returns void language plpgsql as $$
declare
    item text;
begin
    update orch.tasks as t set attention = block_task.attention, attention_reason = block_task.reason, attention_said = block_task.said
     where t.id = block_task.task_id and not orch.is_terminal(t.stage) returning t.work_item into item;
    if item is null then
        return;
    end if;
    perform orch.add_effect(task_id, 'board_status', jsonb_build_object('key', attention));
    perform orch.add_effect(task_id, 'board_comment', jsonb_build_object('text', coalesce(said, reason)));
    perform orch.add_effect(task_id, 'alert', jsonb_build_object('text',
        orch.say(case attention when 'blocked' then 'blocked' else 'needs.input' end, item, coalesce(said, reason))));
    perform orch.add_card(task_id);
end
$$;
comment on function orch.block_task(bigint, text, text, text) is 'Stops a task for a person to look at (needs_input or blocked), and tells them, in the words of said when there are any. Nothing happens to a terminal task.';
