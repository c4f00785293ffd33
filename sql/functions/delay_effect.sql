create or replace function orch.delay_effect(effect_id bigint, token uuid, error text, retry_after interval)
returns void language plpgsql as $$
begin
    update orch.outbox as o
       set token = null, locked_until = null, last_error = delay_effect.error,
           next_at = now() + coalesce(case when retry_after > interval '0' then retry_after end,
                                      orch.back_off(orch.setting('effect_retry_base')::interval, o.attempts, '10 minutes'))
     where o.id = delay_effect.effect_id and o.token = delay_effect.token and o.status = 'pending';
    if not found then
        raise exception 'effect % is not under way with this token', effect_id using errcode = 'OR410';
    end if;
end
$$;
comment on function orch.delay_effect(bigint, uuid, text, interval) is 'An attempt failed: the effect is tried again after a back-off, or when the other side said.';
