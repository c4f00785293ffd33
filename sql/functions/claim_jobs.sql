-- Rivals never meet: the inner select steps over rows that others hold. What holds a job is asked again here, in the statement that takes it.
create or replace function orch.claim_jobs(node text, incarnation uuid, slots int)
returns table (run_id bigint, job_id bigint, agent text, repo text, task_id bigint, work_item text, title text, branch text,
               default_branch text, clone_url text, stage text, content text, attempt int, max_attempts int, plane_issue_id text)
language plpgsql as $$
begin
    perform orch.need_node(node, incarnation);
    return query
    with picked as (
        select c.id from orch.jobs as c
         where c.status = 'queued' and c.held is null and c.run_at <= now()
           and (c.task_id is null or orch.hold_reason(c.task_id, c.stage) is null)
         order by c.priority desc, c.run_at, c.id limit claim_jobs.slots for update skip locked),
    started as (
        insert into orch.agent_runs as r (job_id, task_id, agent, stage, node, incarnation, attempt)
        select j.id, j.task_id, j.agent, j.stage, claim_jobs.node, claim_jobs.incarnation, j.attempts + 1
          from orch.jobs as j join picked as p on p.id = j.id
        returning r.id, r.job_id),
    taken as (
        update orch.jobs as j
           set status = 'running', run_id = s.id, node = claim_jobs.node, attempts = j.attempts + 1, started_at = now()
          from started as s where j.id = s.job_id
        returning j.*)
    select k.run_id, k.id, k.agent, coalesce(k.repo, t.repo), k.task_id, t.work_item, t.title, t.branch, p.default_branch, p.clone_url,
           k.stage, k.content, k.attempts, k.max_attempts, t.plane_issue_id
      from taken as k left join orch.tasks as t on t.id = k.task_id left join orch.projects as p on p.id = t.project_id
     order by k.priority desc, k.run_at, k.id;
end
$$;
comment on function orch.claim_jobs(text, uuid, int) is 'Gives the most urgent due jobs to one node, each with a new run. Empty result: nothing is due.';
