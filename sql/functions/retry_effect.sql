create or replace function orch.retry_effect(effect_id bigint)
returns text language plpgsql as $$
declare
    effect orch.outbox;
begin
    update orch.outbox as o set status = 'pending', ended_at = null, attempts = 0, next_at = now(), token = null, locked_until = null
     where o.id = retry_effect.effect_id and o.status = 'dead'
    returning * into effect;
    if effect.id is null then
        return format('effect %s is not dead', effect_id);
    end if;
    update orch.tasks as t set attention = null, attention_reason = null
     where t.id = effect.task_id and t.attention = 'blocked' and effect.kind in ('task_start', 'pull_open');
    perform pg_notify('orch_effects', '');
    return format('effect %s (%s) is tried again', effect_id, effect.kind);
end
$$;
comment on function orch.retry_effect(bigint) is 'Lets a dead effect be tried again. select orch.retry_effect(17)';
