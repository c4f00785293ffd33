-- The agent that works in a stage is named by the stage before it. One active job per task and stage.
create or replace function orch.queue_stage_job(task_id bigint, note text default null)
returns bigint language plpgsql as $$
declare
    task   orch.tasks;
    agent  text;
    new_id bigint;
begin
    select * into task from orch.tasks as t where t.id = queue_stage_job.task_id for no key update;
    select s.agent into agent from orch.stages as s where s.next = task.stage;
    if orch.is_terminal(task.stage) or agent is null then
        return null;
    end if;
    update orch.tasks as t set attention = null, attention_reason = null where t.id = task.id and t.attention is not null;
    -- A deploy that broke half-way is not simply tried again: it fails, and people see it.
    insert into orch.jobs (agent, repo, task_id, stage, content, max_attempts)
    values (agent, task.repo, task.id, task.stage,
            format(E'%s: %s\n\n%s', task.work_item, task.title, coalesce(task.description, ''))
                || coalesce(E'\n\n' || nullif(btrim(note), ''), ''),
            case when task.stage = 'deploy' then 1 else orch.setting('max_attempts')::int end)
        on conflict do nothing
    returning id into new_id;
    update orch.jobs as j set held = orch.hold_reason(j.task_id, j.stage), held_by = 'task'
     where j.id = new_id and orch.hold_reason(j.task_id, j.stage) is not null;
    perform orch.wake_nodes();
    return new_id;
end
$$;
comment on function orch.queue_stage_job(bigint, text) is
    'Queues the job of the task''s stage unless one is active; note goes into its content. Null = nothing was queued.';
