create or replace function orch.put_board_states(project_id bigint, states jsonb, board_actor text)
returns void language plpgsql as $$
begin
    delete from orch.board_states as b
     where b.project_id = put_board_states.project_id
       and not exists (select from jsonb_array_elements(states) as s where s ->> 'id' = b.state_id);
    insert into orch.board_states as b (project_id, state_id, name, state_group, key)
    select put_board_states.project_id, s ->> 'id', s ->> 'name', coalesce(s ->> 'group', ''), orch.status_key(s ->> 'name')
      from jsonb_array_elements(states) as s
        on conflict on constraint board_states_pkey do update
       set name = excluded.name, state_group = excluded.state_group, key = excluded.key
     where (b.name, b.state_group) is distinct from (excluded.name, excluded.state_group) or b.key is distinct from excluded.key;
    update orch.projects as p
       set states_read_at = now(), states_wanted_at = null, states_error = null,
           board_actor = coalesce(put_board_states.board_actor, p.board_actor)
     where p.id = put_board_states.project_id;
    -- Who tries an event just now holds it and wants the project that we hold: it is left out, and tried again by itself.
    update orch.events as e set next_try_at = now()
     where e.id in (select w.id from orch.events as w where w.status = 'waiting' for update skip locked);
    perform pg_notify('orch_changed', 'events');
end
$$;
comment on function orch.put_board_states(bigint, jsonb, text) is 'Stores the statuses that the board has now, and lets events that waited for them be routed.';
