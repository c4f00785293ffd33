-- Never into the future, whatever the board says: there it would see nothing any more.
create or replace function orch.project_polled(project_id bigint, polled_to timestamptz, error text)
returns void language sql as $$
    update orch.projects as p
       set polled_at = now(), poll_error = project_polled.error,
           polled_to = case when project_polled.polled_to is null then p.polled_to
                            else greatest(p.polled_to, least(project_polled.polled_to, now())) end
     where p.id = project_polled.project_id
$$;
comment on function orch.project_polled(bigint, timestamptz, text) is
    'The board was asked for a project''s changed issues: all up to polled_to are taken in, or error says why not.';
