create or replace function orch.effect_failed(effect_id bigint, token uuid, error text, retry_after interval, is_permanent boolean)
returns void language plpgsql as $$
declare
    effect orch.outbox;
    task   orch.tasks;
begin
    select * into effect from orch.outbox as o where o.id = effect_failed.effect_id;
    select * into task from orch.tasks as t where t.id = effect.task_id for update;
    if orch.is_terminal(task.stage) and effect.kind in ('task_start', 'pull_open', 'pull_merge') then
        perform orch.end_effect(effect_id, token, 'skipped', 'the task was stopped; last error: ' || error);
    elsif is_permanent or effect.attempts >= orch.setting('effect_max_attempts')::int then
        perform orch.end_effect(effect_id, token, 'dead', error);
        perform orch.mourn_effect(effect, task, error);
    else
        update orch.outbox as o
           set token = null, locked_until = null, last_error = effect_failed.error,
               next_at = now() + coalesce(greatest(retry_after, interval '0'),
                                          orch.back_off(orch.setting('effect_retry_base')::interval, o.attempts, '10 minutes'))
         where o.id = effect_failed.effect_id and o.token = effect_failed.token and o.status = 'pending';
        if not found then
            raise exception 'effect % is not under way with this token', effect_id using errcode = 'OR410';
        end if;
    end if;
end
$$;
comment on function orch.effect_failed(bigint, uuid, text, interval, boolean) is 'An attempt to deliver failed: tried again later, or dead when that is hopeless or was tried too often.';
