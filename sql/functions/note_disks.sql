-- An alert for each crossing, none while it lasts: between the threshold and the hysteresis below it nothing changes.
create or replace function orch.note_disks(node text, disks jsonb, threshold int, hysteresis int)
returns int language plpgsql as $$
declare
    seen    record;
    was     orch.disks;
    is_full boolean;
    crossed int := 0;
begin
    delete from orch.disks as d
     where d.node = note_disks.node and not exists (select from jsonb_array_elements(disks) as e where e.value ->> 'path' = d.path)
        or d.seen_at < now() - interval '30 days';
    for seen in select * from jsonb_to_recordset(disks) as s (path text, used_percent numeric, inodes_percent numeric, free_bytes bigint, error text) loop
        was := null;
        select d.* into was from orch.disks as d where d.node = note_disks.node and d.path = seen.path for update;
        is_full := coalesce(was.is_full, false);
        if seen.error is null then
            is_full := greatest(seen.used_percent, seen.inodes_percent) >= threshold - case when is_full then hysteresis else 0 end;
        end if;
        insert into orch.disks as d (node, path, used_percent, inodes_percent, free_bytes, error, is_full)
        values (note_disks.node, seen.path, seen.used_percent, seen.inodes_percent, seen.free_bytes, seen.error, is_full)
            on conflict on constraint disks_pkey do update
           set used_percent = excluded.used_percent, inodes_percent = excluded.inodes_percent, free_bytes = excluded.free_bytes,
               error = excluded.error, is_full = excluded.is_full, seen_at = now(),
               changed_at = case when d.is_full = excluded.is_full then d.changed_at else now() end;
        if is_full <> coalesce(was.is_full, false) then
            crossed := crossed + 1;
            perform orch.add_effect(null, 'alert', jsonb_build_object('node', note_disks.node, 'text',
                orch.say('disk', note_disks.node, seen.path, seen.used_percent::text,
                         case when seen.inodes_percent is null then '' else orch.say('disk.inodes', seen.inodes_percent::text) end, pg_size_pretty(seen.free_bytes),
                         case when is_full then orch.say('disk.full', threshold::text) else orch.say('disk.room') end)));
        end if;
    end loop;
    return crossed;
end
$$;
comment on function orch.note_disks(text, jsonb, int, int) is
    'Takes in how full a node''s disks are, and promises an alert for each that has crossed the threshold, upwards or, beyond the hysteresis, downwards. How many have.';
