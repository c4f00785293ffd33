create or replace function orch.begin_deploy(task_id bigint)
returns void language plpgsql as $$
begin
    -- Confirm and lease may come at the same moment: whoever is second must see the other.
    perform 1 from orch.tasks as t where t.id = begin_deploy.task_id for no key update;
    if exists (select from orch.merge_leases as l where l.task_id = begin_deploy.task_id)
       and exists (select from orch.deploys as d where d.task_id = begin_deploy.task_id and d.phase = 'A' and d.confirmed_at is not null)
       and orch.queue_stage_job(begin_deploy.task_id) is not null then
        perform orch.add_effect(begin_deploy.task_id, 'board_status', jsonb_build_object('key', 'deploying'));
    end if;
end
$$;
comment on function orch.begin_deploy(bigint) is 'Queues the deployer of a task that is confirmed and holds the merge lease; does nothing otherwise.';
