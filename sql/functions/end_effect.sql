create or replace function orch.end_effect(effect_id bigint, token uuid, status text, note text, result jsonb default null)
returns orch.outbox language plpgsql as $$
declare
    effect orch.outbox;
begin
    -- The task first, the effect second: the order in which everybody locks.
    perform 1 from orch.tasks as t join orch.outbox as o on o.task_id = t.id where o.id = end_effect.effect_id for no key update of t;
    update orch.outbox as o
       set status = end_effect.status, ended_at = now(), last_error = coalesce(end_effect.note, o.last_error), result = end_effect.result,
           locked_until = null
     where o.id = end_effect.effect_id and o.token = end_effect.token and o.status = 'pending'
    returning * into effect;
    if effect.id is null then
        raise exception 'effect % is not under way with this token', effect_id using errcode = 'OR410';
    end if;
    perform pg_notify('orch_effects', '');
    return effect;
end
$$;
comment on function orch.end_effect(bigint, uuid, text, text, jsonb) is 'Ends an effect that is under way; OR410 when another attempt holds it or it has ended.';
