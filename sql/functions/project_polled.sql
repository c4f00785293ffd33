-- Never into the future, whatever the board says: there it would see nothing any more.
create or replace function orch.project_polled(project_id bigint, polled_to timestamptz, error text, retry_after interval default null)
returns void language sql as $$
    select orch.rest_channel('board', retry_after) where retry_after > interval '0';
    update orch.projects as p
       set polled_at = now(), poll_error = project_polled.error,
           polled_to = case when project_polled.polled_to is null then p.polled_to
                            else greatest(p.polled_to, least(project_polled.polled_to, now())) end
     where p.id = project_polled.project_id
$$;
comment on function orch.project_polled(bigint, timestamptz, text, interval) is
    'The board was asked for a project''s changed issues: all up to polled_to are taken in, or error says why not, and retry_after how long it wants to be left alone.';
