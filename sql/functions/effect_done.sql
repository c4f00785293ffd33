create or replace function orch.effect_done(effect_id bigint, token uuid, result jsonb)
returns void language plpgsql as $$
declare
    effect orch.outbox := orch.end_effect(effect_id, token, 'done', null, result);
    task   orch.tasks;
begin
    select * into task from orch.tasks as t where t.id = effect.task_id;
    case effect.kind
        when 'task_start' then
            if task.stage = 'created' then
                update orch.tasks as t set base_sha = result ->> 'base', head_sha = result ->> 'head' where t.id = task.id;
                perform orch.move_on(task.id, 'branch made', 'orchd', null, null, result);
            end if;
        when 'pull_open' then
            update orch.tasks as t set pull_number = (result ->> 'number')::bigint where t.id = task.id and not orch.is_terminal(t.stage);
        when 'merge_check' then
            perform orch.merge_checked(task.id, effect.payload ->> 'head', result);
        when 'pull_merge' then
            perform orch.task_merged(task.id, result || jsonb_build_object('gate', effect.payload -> 'proof'));
        when 'board_status' then
            perform orch.note_own_status(task.id, result);
        when 'card' then
            insert into orch.tracker_messages as m (task_id, channel, kind, message_id, digest)
            values (task.id, 'telegram', 'card', result ->> 'message_id', md5(effect.payload ->> 'text'))
                on conflict on constraint tracker_messages_pkey do update set message_id = excluded.message_id, digest = excluded.digest, updated_at = now();
        else
            null; -- Nothing follows from the others.
    end case;
end
$$;
comment on function orch.effect_done(bigint, uuid, jsonb) is 'An effect was delivered; what follows from that happens in the same transaction.';
