create or replace function orch.mourn_effect(effect orch.outbox, task orch.tasks, error text)
returns void language plpgsql as $$
begin
    if task.id is null or effect.kind in ('alert', 'card') then
        return; -- It is listed in orch.dead_effects; an alert about a dead alert would only die too.
    elsif effect.kind = 'pull_merge' then
        -- What is merged cannot be merged again: the work goes on in a pull request of its own.
        update orch.tasks as t set pull_number = null where t.id = task.id and error like 'integrity: %';
        perform orch.send_back(task.id, 'the pull request cannot be merged: ' || error, 'gate_rejected', 'orchd');
    elsif orch.moves_task(effect.kind) then
        perform orch.block_task_because(task.id, 'gave.up', effect.id::text, effect.kind, error);
    else
        perform orch.add_effect(task.id, 'alert', jsonb_build_object('text',
            orch.say('effect.dead', orch.original_key(task.work_item), effect.id::text, effect.kind, error)));
    end if;
end
$$;
comment on function orch.mourn_effect(orch.outbox, orch.tasks, text) is 'What a dead effect means for its task: a merge sends it back, a start blocks it, the rest is alerted.';
