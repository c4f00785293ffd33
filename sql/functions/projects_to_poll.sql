-- One request in two seconds at most: half of what the board allows a minute. With more projects than that they take turns, the longest
-- unasked first. Without our own user nobody could tell our writes from gestures.
create or replace function orch.projects_to_poll(every interval)
returns table (project_id bigint, workspace text, plane_project_id text) language sql stable as $$
    select p.id, p.plane_workspace, p.plane_project_id
      from orch.projects as p where p.board_actor is not null and not orch.is_resting('board')
     order by p.polled_at nulls first, p.id
     limit greatest(1, extract(epoch from every)::int / 2)
$$;
comment on function orch.projects_to_poll(interval) is 'Projects whose changed issues are to be read from the board in this round, which come as often as every.';
