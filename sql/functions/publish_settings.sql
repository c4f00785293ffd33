create or replace function orch.publish_settings(published jsonb)
returns void language plpgsql as $$
begin
    insert into orch.settings as s (name, published)
    select p.key, p.value from jsonb_each_text(publish_settings.published) as p
        on conflict (name) do update set published = excluded.published, updated_at = now(), updated_by = session_user
     where s.published is distinct from excluded.published;
    if found then
        perform orch.check_settings();
        perform orch.review_holds();
    end if;
end
$$;
comment on function orch.publish_settings(jsonb) is 'Called by a node at its start: the settings of its environment that SQL functions read.';
