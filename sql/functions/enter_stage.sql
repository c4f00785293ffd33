-- The only function that changes a task's stage.
create or replace function orch.enter_stage(
    task_id bigint, stage text, cause text, actor text,
    event_id bigint default null, run_id bigint default null, evidence jsonb default null)
returns void language plpgsql as $$
declare
    task orch.tasks;
    here orch.stages;
begin
    select * into task from orch.tasks as t where t.id = enter_stage.task_id for no key update;
    select * into strict here from orch.stages as s where s.stage = enter_stage.stage;
    if orch.is_terminal(task.stage) then
        raise exception 'task % is % and does not move', task.work_item, task.stage using errcode = 'OR409';
    end if;
    update orch.tasks as t
       set stage = enter_stage.stage, stage_since = now(), stage_files = t.files, attention = null, attention_reason = null,
           finished_at = case when orch.is_terminal(enter_stage.stage) then now() end,
           cancelled_at = case when enter_stage.stage = 'cancelled' then now() end,
           plane_id = case when enter_stage.stage = 'cancelled' then orch.tombstone(t.plane_id, t.id) else t.plane_id end,
           plane_issue_id = case when enter_stage.stage = 'cancelled' then orch.tombstone(t.plane_issue_id, t.id) else t.plane_issue_id end,
           work_item = case when enter_stage.stage = 'cancelled' then orch.tombstone(t.work_item, t.id) else t.work_item end
     where t.id = task.id;
    insert into orch.transitions (task_id, from_stage, to_stage, cause, actor, event_id, run_id, evidence)
    values (task.id, task.stage, enter_stage.stage, enter_stage.cause, enter_stage.actor, enter_stage.event_id, enter_stage.run_id,
            enter_stage.evidence);
    -- What is watched after its deploy is shown so, on a board that can.
    if here.stage = 'done' and exists (select from orch.monitors as m where m.task_id = task.id and m.ended_at is null)
       and exists (select from orch.board_states as b where b.project_id = task.project_id and b.key = 'monitoring') then
        here.status_key := 'monitoring';
    end if;
    if here.status_key is not null then
        perform orch.add_effect(task.id, 'board_status', jsonb_build_object('key', here.status_key));
    end if;
    perform orch.add_card(task.id);
    if orch.is_terminal(enter_stage.stage) then
        delete from orch.merge_leases as l where l.task_id = task.id;
        perform orch.review_leases(task.repo);
        perform orch.review_holds();
    end if;
    perform pg_notify('orch_changed', 'tasks');
end
$$;
comment on function orch.enter_stage(bigint, text, text, text, bigint, bigint, jsonb) is
    'Moves a task to a stage, with its transition, board status and card. Fails with OR409 when the task is terminal.';
