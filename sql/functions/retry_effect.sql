create or replace function orch.retry_effect(effect_id bigint)
returns text language plpgsql as $$
declare
    effect orch.outbox;
    task   orch.tasks;
begin
    select * into effect from orch.outbox as o where o.id = retry_effect.effect_id;
    if effect.id is null then
        raise exception 'effect % does not exist', effect_id using errcode = 'OR404';
    end if;
    select * into task from orch.tasks as t where t.id = effect.task_id for no key update;
    if orch.is_terminal(task.stage) and orch.moves_task(effect.kind) then
        return format('effect %s (%s) is no longer wanted: %s is %s', effect_id, effect.kind, orch.original_key(task.work_item), task.stage);
    end if;
    if effect.kind = 'pull_merge' and effect.status in ('dead', 'skipped') then -- Its giving up has sent the task back.
        return format('effect %s (pull_merge) is no longer wanted: its deploy has ended, and %s is in %s', effect_id, task.work_item, task.stage);
    end if;
    update orch.outbox as o set status = 'pending', ended_at = null, attempts = 0, next_at = now(), token = null, locked_until = null
     where o.id = effect.id and o.status in ('dead', 'skipped');
    if not found then
        return format('effect %s is %s', effect_id, effect.status);
    end if;
    update orch.tasks as t set attention = null, attention_reason = null
     where t.id = task.id and t.attention = 'blocked' and orch.moves_task(effect.kind);
    perform pg_notify('orch_effects', '');
    return format('effect %s (%s) is tried again', effect_id, effect.kind);
end
$$;
comment on function orch.retry_effect(bigint) is 'Lets a dead or skipped effect be tried again; not one that a terminal task no longer wants. select orch.retry_effect(17)';
