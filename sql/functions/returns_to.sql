create or replace function orch.returns_to(task_id bigint, stage text)
returns bigint language sql stable as $$
    select count(*) from orch.transitions as x
     where x.task_id = returns_to.task_id and x.to_stage = returns_to.stage and x.cause in ('rejected', 'gate_rejected')
$$;
comment on function orch.returns_to(bigint, text) is 'How often a task was sent back to a stage.';
