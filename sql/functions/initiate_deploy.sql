create or replace function orch.initiate_deploy(task_id bigint, at timestamptz)
returns void language plpgsql as $$
declare
    begun text;
begin
    update orch.deploys as d set phase = 'B', initiated_at = initiate_deploy.at
     where d.task_id = initiate_deploy.task_id and d.phase = 'A' and d.confirmed_at is not null returning d.repo into begun;
    if begun is not null then
        perform orch.supersede_monitor(begun);
    end if;
end
$$;
comment on function orch.initiate_deploy(bigint, timestamptz) is 'Opens the critical window of a confirmed deploy: its deployer''s process runs since that moment.';
