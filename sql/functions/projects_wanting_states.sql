create or replace function orch.projects_wanting_states()
returns table (project_id bigint, workspace text, plane_project_id text) language sql as $$
    update orch.projects as p set states_wanted_at = now() + interval '30 seconds'
     where p.id in (select q.id from orch.projects as q
                     where (q.states_wanted_at <= now()
                         or (q.states_wanted_at is null and q.states_read_at + orch.setting('plane_states_ttl_s')::interval < now()))
                       and not orch.is_resting('board')
                     order by q.id for update skip locked)
    returning p.id, p.plane_workspace, p.plane_project_id
$$;
comment on function orch.projects_wanting_states() is 'Projects whose statuses should be read from the board now; they are not handed out again for half a minute.';
