create or replace function orch.effect_failed(effect_id bigint, token uuid, error text, retry_after interval, is_permanent boolean)
returns void language plpgsql as $$
declare
    effect orch.outbox;
    task   orch.tasks;
    must_wait boolean := false;
begin
    select * into effect from orch.outbox as o where o.id = effect_failed.effect_id;
    if retry_after > interval '0' and not is_permanent then
        must_wait := orch.rest_channel(orch.channel_of(effect.kind), retry_after);
    end if;
    select * into task from orch.tasks as t where t.id = effect.task_id for no key update;
    if orch.is_terminal(task.stage) and orch.moves_task(effect.kind) then
        perform orch.end_effect(effect_id, token, 'skipped', 'the task was stopped; last error: ' || error);
    elsif effect.kind in ('archive', 'worktree_remove') or effect.kind = 'branch_delete' and not is_permanent then
        -- Each is retried until it holds, and none goes before the one ahead of it: what could not be archived must not be deleted.
        perform orch.delay_effect(effect_id, token, error, retry_after);
        if effect.attempts = orch.setting('effect_max_attempts')::int then
            perform orch.add_effect(task.id, 'alert', jsonb_build_object('text',
                orch.say('cleanup.fails', orch.original_key(task.work_item), effect.kind, error)));
        end if;
    elsif must_wait then
        -- A channel that is full is no reason to give up: this was no attempt.
        perform orch.delay_effect(effect_id, token, error, retry_after);
        update orch.outbox as o set attempts = o.attempts - 1 where o.id = effect.id;
    elsif is_permanent or effect.attempts >= orch.setting('effect_max_attempts')::int then
        perform orch.end_effect(effect_id, token, 'dead', error);
        perform orch.mourn_effect(effect, task, error);
    else
        perform orch.delay_effect(effect_id, token, error, retry_after);
    end if;
end
$$;
comment on function orch.effect_failed(bigint, uuid, text, interval, boolean) is 'An attempt to deliver failed: tried again later, or dead when that is hopeless or was tried too often.';
