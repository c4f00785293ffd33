create or replace function orch.move_on(task_id bigint, cause text, actor text, event_id bigint, run_id bigint, evidence jsonb)
returns void language plpgsql as $$
declare
    task orch.tasks;
    next text;
begin
    select * into task from orch.tasks as t where t.id = move_on.task_id for no key update;
    select s.next into next from orch.stages as s where s.stage = task.stage;
    perform orch.enter_stage(task.id, next, cause, actor, event_id, run_id, evidence);
    if next = 'deploy' then
        insert into orch.deploys (task_id, repo) values (task.id, task.repo);
        perform orch.review_leases(task.repo);
        if not orch.setting('confirm_deploy_enabled')::boolean then
            update orch.deploys as d set confirmed_at = now(), confirmed_by = 'setting confirm_deploy_enabled'
             where d.task_id = task.id and d.finished_at is null;
            perform orch.begin_deploy(task.id);
        end if;
    else
        perform orch.queue_stage_job(task.id);
    end if;
end
$$;
comment on function orch.move_on(bigint, text, text, bigint, bigint, jsonb) is 'Takes a task over the edge to its next stage and queues that stage''s job; before a deploy it is parked.';
