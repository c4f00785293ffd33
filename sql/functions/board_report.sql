-- It is asked for once a second while somebody looks, and sent when it is another than before: so it holds times, not how long ago they were,
-- and counts no further than people do.
create or replace function orch.board_report(board_url text)
returns jsonb language sql stable as $$
    select jsonb_build_object(
        'tasks', (select coalesce(jsonb_agg(orch.board_card(t, board_url) order by t.id), '[]')
                    from (select u.* from orch.tasks as u where u.finished_at is null
                          union all
                          (select f.* from orch.tasks as f where f.finished_at > now() - interval '1 day' order by f.finished_at desc limit 20)) as t),
        'stages', (select jsonb_agg(s.stage order by s.position) from orch.stages as s),
        'counts', jsonb_build_object(
            'queued', (select count(*) from (select from orch.jobs as j where j.status = 'queued' and j.held is null limit 10000) as c),
            'held', (select count(*) from (select from orch.jobs as j where j.status = 'queued' and j.held is not null limit 10000) as c),
            'running', (select count(*) from (select from orch.jobs as j where j.status = 'running' limit 10000) as c)),
        'frozen', (select coalesce(jsonb_agg(to_jsonb(f) order by f.repo), '[]') from orch.repo_freeze as f),
        'nodes', (select coalesce(jsonb_agg(to_jsonb(n) - 'age' order by n.node), '[]') from orch.nodes_now as n
                   where n.state <> 'stopped'),
        'cost_today_usd', (select coalesce(sum(r.cost_usd), 0) from orch.agent_runs as r where r.claimed_at >= date_trunc('day', now())))
$$;
comment on function orch.board_report(text) is
    'What the page shows, and GET /events sends whenever it changes: unfinished tasks and those that ended within a day (20 at most), counts up to 10,000, frozen repositories, nodes, cost of the day.';
