create or replace function orch.begin_monitor(task orch.tasks)
returns void language plpgsql as $$
begin
    perform orch.supersede_monitor(task.repo);
    insert into orch.monitors (task_id, repo, sha)
    select task.id, task.repo, task.head_sha
     where orch.setting('post_deploy_enabled')::boolean and task.repo = any (string_to_array(orch.setting('monitored_repos'), ','));
end
$$;
comment on function orch.begin_monitor(orch.tasks) is 'What was just deployed is watched from now on, if its repository has a monitor.';
