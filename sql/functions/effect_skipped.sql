create or replace function orch.effect_skipped(effect_id bigint, token uuid, reason text)
returns void language sql as $$
    select orch.end_effect(effect_id, token, 'skipped', reason)
$$;
comment on function orch.effect_skipped(bigint, uuid, text) is 'An effect has no channel or is no longer wanted; the reason is kept.';
