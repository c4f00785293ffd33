create or replace function orch.reconcile_task(task_id bigint)
returns text language plpgsql as $$
declare
    task     orch.tasks;
    decision text;
begin
    select * into task from orch.tasks as t where t.id = reconcile_task.task_id for no key update skip locked;
    if task.id is null then
        return 'waiting'; -- Somebody is at it.
    elsif orch.is_terminal(task.stage) then
        return 'terminal';
    elsif task.attention = 'blocked' and orch.returns_to(task.id, task.stage) > orch.setting('max_stage_returns')::int then
        return 'escalated';
    elsif task.attention is not null then
        return task.attention;
    elsif not exists (select from orch.idle_tasks() as i where i.id = task.id)
          or task.cancel_requested_at is not null or orch.is_critical(task.id)
          or not exists (select from orch.stages as s where s.stage = task.stage and s.gate is not null) then
        return 'waiting'; -- It went on before we had the lock, or a deferred STOP, a deploy or a start will move it.
    end if;
    select g.decision into decision from orch.check_gate(task.id, task.evidence) as g;
    if decision not in ('pass', 'reject') then
        return 'waiting';
    end if;
    perform orch.advance(task.id, task.evidence, 'reconciler');
    return 'moved';
end
$$;
comment on function orch.reconcile_task(bigint) is
    'Asks the gate of one idle task again: moved, waiting (for somebody), or why it is left alone: terminal, escalated, blocked or needs_input.';
