create or replace function orch.board_states_failed(project_id bigint, error text, retry_after interval default null)
returns void language sql as $$
    select orch.rest_channel('board', retry_after) where retry_after > interval '0';
    update orch.projects as p set states_error = board_states_failed.error, states_wanted_at = now() + interval '2 seconds'
     where p.id = board_states_failed.project_id
$$;
comment on function orch.board_states_failed(bigint, text, interval) is 'The statuses could not be read; they are asked for again in two seconds, unless the board wants to be left alone for longer.';
