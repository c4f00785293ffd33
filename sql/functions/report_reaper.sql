create or replace function orch.report_reaper()
returns jsonb language sql stable as $$
    select orch.report_duty('reaper')
        || jsonb_build_object(
               'overdue_nodes', (select coalesce(jsonb_agg(n.node order by n.node), '[]') from orch.nodes as n
                                  where n.stopped_at is null and n.beat_at + n.lease < now()),
               'open_runs', (select count(*) from orch.agent_runs as r where r.ended_at is null),
               'open_runs_of_ended_jobs', (select count(*) from orch.agent_runs as r join orch.jobs as j on j.id = r.job_id
                                            where r.ended_at is null and j.finished_at is not null))
$$;
comment on function orch.report_reaper() is 'Block of GET /queue: the reaper, and what it would take back when it is time.';
