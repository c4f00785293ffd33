create or replace function orch.receive_event(
    source text, delivery_key text, kind text, facts jsonb, body text,
    heard_at timestamptz default statement_timestamp())  -- an orchd of before does not say it
returns table (event_id bigint, status text, reason text) language plpgsql set plan_cache_mode = force_generic_plan as $$
begin
    insert into orch.events as e (source, delivery_key, kind, facts, body, heard_at)
    values (receive_event.source, receive_event.delivery_key, receive_event.kind, receive_event.facts, receive_event.body,
            receive_event.heard_at)
        on conflict on constraint events_source_delivery_key_key do nothing
    returning e.id into event_id;
    if event_id is null then
        return query select e.id, 'duplicate', e.status from orch.events as e
                      where e.source = receive_event.source and e.delivery_key = receive_event.delivery_key;
    else
        return query select event_id, r.status, r.reason from orch.try_event(event_id) as r;
    end if;
end
$$;
comment on function orch.receive_event(text, text, text, jsonb, text, timestamptz) is 'Stores and routes one delivery in one transaction; a repeated one changes nothing. heard_at: when its last byte was in.';
