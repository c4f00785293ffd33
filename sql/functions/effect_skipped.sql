create or replace function orch.effect_skipped(effect_id bigint, token uuid, reason text)
returns void language plpgsql as $$
declare
    effect orch.outbox := orch.end_effect(effect_id, token, 'skipped', reason);
begin
    -- Without a forge the pipeline cannot go on; a message nobody can get is no reason to stop it.
    if effect.kind = 'pull_merge' then
        perform orch.send_back(effect.task_id, 'the pull request cannot be merged: ' || reason, 'gate_rejected', 'orchd');
    elsif orch.moves_task(effect.kind) then
        perform orch.block_task_because(effect.task_id, 'skipped', effect.kind, reason);
    end if;
end
$$;
comment on function orch.effect_skipped(bigint, uuid, text) is 'An effect has no channel or is no longer wanted; the reason is kept. A task that needs it is blocked.';
