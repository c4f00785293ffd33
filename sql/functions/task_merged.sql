create or replace function orch.task_merged(task_id bigint, evidence jsonb)
returns void language plpgsql as $$
declare
    task orch.tasks;
begin
    select * into task from orch.tasks as t where t.id = task_merged.task_id for no key update;
    if orch.is_terminal(task.stage) or task.stage <> 'deploy' then
        return;
    end if;
    perform orch.finish_deploy(task.id, 'SUCCESS', 'merged');
    if task.cancel_requested_at is not null then
        update orch.tasks as t set cancel_requested_at = null where t.id = task.id;
        perform orch.add_effect(task.id, 'board_comment', jsonb_build_object('text', orch.say('stop.late.comment')));
        perform orch.add_effect(task.id, 'alert', jsonb_build_object('text', orch.say('stop.late.alert', task.work_item)));
    end if;
    perform orch.begin_monitor(task);
    perform orch.enter_stage(task.id, 'done', 'check_deploy_status', 'orchd', null, null, evidence);
    perform orch.add_effect(task.id, 'board_comment', jsonb_build_object('text', orch.say('merged', task.pull_number::text)));
    perform orch.add_effect(task.id, 'worktree_remove', '{}', n.node)
       from (select distinct r.node from orch.agent_runs as r where r.task_id = task_merged.task_id) as n;
end
$$;
comment on function orch.task_merged(bigint, jsonb) is 'The pull request of a deployed task is verified as merged: the task is done. A STOP that waited is answered with "too late".';
