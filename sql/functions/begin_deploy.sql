create or replace function orch.begin_deploy(task_id bigint)
returns void language plpgsql as $$
declare
    deploy orch.deploys;
begin
    -- Confirm and lease may come at the same moment: whoever is second must see the other.
    perform 1 from orch.tasks as t where t.id = begin_deploy.task_id for no key update;
    select d.* into deploy from orch.deploys as d join orch.merge_leases as l on l.task_id = d.task_id
     where d.task_id = begin_deploy.task_id and d.phase = 'A';
    if deploy.id is null or (deploy.confirmed_at is null and orch.heed_labels(task_id) is not null) then
        return; -- It has no lease, or has begun; or a label has confirmed it, and that came here again.
    elsif deploy.checked_at is null then
        perform orch.add_effect(t.id, 'merge_check', jsonb_build_object('head', t.head_sha))
           from orch.tasks as t
          where t.id = begin_deploy.task_id
            and not exists (select from orch.outbox as o where o.task_id = t.id and o.kind = 'merge_check' and o.status = 'pending');
    elsif deploy.confirmed_at is not null and orch.queue_stage_job(task_id) is not null then
        perform orch.add_effect(task_id, 'board_status', jsonb_build_object('key', 'deploying'));
    end if;
end
$$;
comment on function orch.begin_deploy(bigint) is
    'The next step of a deploy whose task holds the merge lease: the merge is tried, then the deployer is queued if the deploy is confirmed. Nothing otherwise.';
