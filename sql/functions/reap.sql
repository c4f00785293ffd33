-- A node whose lease has ended has stopped its own agents before that (it fences itself); its jobs go to others. What it runs detached goes on
-- until its own time-out, and may be watched on by the node's next start: until then nobody knows how it ends.
create or replace function orch.reap()
returns int language plpgsql as $$
declare
    gone  text;
    run   record;
    count int := 0;
begin
    for gone in select n.node from orch.nodes as n where n.stopped_at is null and n.beat_at + n.lease < now() for update skip locked loop
        update orch.nodes as n set stopped_at = now() where n.node = gone;
        count := count + 1;
    end loop;
    -- A claim that was never followed by a start is nobody's, however alive its node: the answer came to nothing. One that prepares for so long
    -- starts nothing any more.
    for run in select o.run_id, o.job_id from orch.nodes as n cross join lateral orch.open_runs(n.node) as o
                where n.stopped_at is not null and n.beat_at + n.lease < now()
                      and not exists (select from orch.agent_runs as r where r.id = o.run_id and r.detached_until > now())
                   or o.started_at is null and o.claimed_at < now() - orch.setting('start_within')::interval
                order by o.task_id, o.run_id loop
        begin
            perform orch.finish_run(run.run_id, 'lost', jsonb_build_object('error', 'the node is gone'), run.job_id);
            count := count + 1;
        exception when sqlstate 'OR410' or deadlock_detected then
            null; -- Closed by its node between our look and the lock, or about to be: the next round finds what is left.
        end;
    end loop;
    update orch.outbox as o set node = null
      from orch.nodes as n
     where o.status = 'pending' and o.kind = 'archive' and n.node = o.node and n.stopped_at is not null and n.beat_at + n.lease < now();
    update orch.outbox as o set lane = 'node/' || o.node || '/' || o.id
      from orch.nodes as n
     where o.status = 'pending' and o.kind = 'worktree_remove' and o.lane not like 'node/%'
       and n.node = o.node and n.stopped_at is not null and n.beat_at + n.lease < now();
    -- The holder is terminal, or has no deploy any more that needs the lease.
    delete from orch.merge_leases as l
     where not exists (select from orch.deploys as d join orch.tasks as t on t.id = d.task_id
                        where d.task_id = l.task_id and d.finished_at is null and not orch.is_terminal(t.stage));
    perform orch.review_leases(d.repo) from (select distinct e.repo from orch.deploys as e where e.finished_at is null) as d;
    perform orch.review_holds();
    return count;
end
$$;
comment on function orch.reap() is 'Takes back what gone nodes held: runs are closed as lost, their jobs queued again or cancelled; clean-up that can be done elsewhere is freed.';
