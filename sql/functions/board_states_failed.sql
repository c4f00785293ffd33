create or replace function orch.board_states_failed(project_id bigint, error text)
returns void language sql as $$
    update orch.projects as p set states_error = board_states_failed.error, states_wanted_at = now() + interval '2 seconds'
     where p.id = board_states_failed.project_id
$$;
comment on function orch.board_states_failed(bigint, text) is 'The statuses could not be read; they are asked for again in two seconds.';
