-- Rivals never meet: the look steps over rows that others hold. What holds a job is asked again here, in the transaction that takes it.
--
-- The look goes through the priorities in use, one range of jobs_ready each, so that jobs for later cost nothing. A mark is the last key that the
-- caller took in a priority: entries of jobs claimed long ago, which an old transaction elsewhere keeps in the index, are not walked again.
-- What became ready behind a mark is found by the next look without marks, which is the caller's duty (see src/queue/queue.h).
-- Its statements have one good plan, which planning anew at each call would only cost more, or lose after an unlucky ANALYZE.
create or replace function orch.claim_jobs(
    node text, incarnation uuid, slots int, marks jsonb default null,
    without text[] default null, only_agents text[] default null)  -- agents that this node does not take now; all that it can run
returns table (run_id bigint, job_id bigint, agent text, repo text, task_id bigint, work_item text, title text, branch text,
               default_branch text, clone_url text, stage text, content text, attempt int, max_attempts int, plane_issue_id text,
               priority int, run_at timestamptz)
language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
    open_slots int := slots;
    is_ruled   boolean;
    below      bigint := 2147483648;
    mark       record; -- the next one below
    range      record; -- the priority to look into, and the key to begin behind
    picked     bigint[];
    has_task   boolean;
    looks      int := 0;
    taken      int;
begin
    perform orch.need_node(node, incarnation);
    -- Two claims that count the same running jobs would both take the last place; and a limit is not set while one is on its way without it.
    is_ruled := orch.is_ruled();
    if is_ruled then
        perform pg_advisory_xact_lock(orch.limit_key());
        perform orch.review_blocks(); -- Who waits for room goes before those who have just come.
    else
        perform pg_advisory_xact_lock_shared(orch.limit_key());
        if orch.is_ruled() then
            perform pg_notify('orch_jobs', '');
            return;
        end if;
    end if;
    while open_slots > 0 loop
        select (m ->> 'priority')::int as priority, (m ->> 'run_at')::timestamptz as run_at, (m ->> 'id')::bigint as id into mark
          from jsonb_array_elements(marks) as m where (m ->> 'priority')::int < below order by 1 desc limit 1;
        select j.priority, '-infinity'::timestamptz as run_at, 0::bigint as id into range from orch.jobs as j
         where j.status = 'queued' and j.held is null and j.priority < below and j.priority > coalesce(mark.priority, -2147483649)
         order by j.priority desc, j.run_at, j.id limit 1;
        if range.priority is null then
            range := mark;
        end if;
        exit when range.priority is null;
        below := range.priority;
        loop
            select array_agg(p.id), bool_or(p.task_id is not null) into picked, has_task from (
                select c.id, c.task_id from orch.jobs as c
                 where c.status = 'queued' and c.held is null and c.priority = range.priority and (c.run_at, c.id) > (range.run_at, range.id)
                   and c.run_at <= now() and (without is null or c.agent <> all (without))
                   and (only_agents is null or c.agent = any (only_agents))
                 order by c.run_at, c.id limit open_slots for update skip locked) as p;
            exit when picked is null;
            if is_ruled or has_task then
                picked := orch.admit_jobs(picked);
            end if;
            -- Two statements for one thing: a job without a task would pay for joins that give it nothing.
            if has_task then
                return query
                with taken as (
                    update orch.jobs as j
                       set status = 'running', run_id = nextval('orch.agent_runs_id_seq'), node = claim_jobs.node,
                           attempts = j.attempts + 1, started_at = now()
                     where j.id = any (picked)
                    returning j.*),
                told as (
                    insert into orch.agent_runs (id, job_id, task_id, agent, stage, node, incarnation, attempt) overriding system value
                    select k.run_id, k.id, k.task_id, k.agent, k.stage, k.node, claim_jobs.incarnation, k.attempts
                      from taken as k where k.task_id is not null)
                select k.run_id, k.id, k.agent, coalesce(k.repo, t.repo), k.task_id, t.work_item, t.title, t.branch, p.default_branch,
                       p.clone_url, k.stage, k.content, k.attempts, k.max_attempts, t.plane_issue_id, k.priority, k.run_at
                  from taken as k left join orch.tasks as t on t.id = k.task_id left join orch.projects as p on p.id = t.project_id
                 order by k.run_at, k.id;
            else
                return query
                with taken as (
                    update orch.jobs as j
                       set status = 'running', run_id = nextval('orch.agent_runs_id_seq'), node = claim_jobs.node,
                           attempts = j.attempts + 1, started_at = now()
                     where j.id = any (picked)
                    returning j.run_id, j.id, j.agent, j.repo, j.content, j.attempts, j.max_attempts, j.priority, j.run_at)
                select k.run_id, k.id, k.agent, k.repo, null::bigint, null::text, null::text, null::text, null::text,
                       null::text, null::text, k.content, k.attempts, k.max_attempts, null::text, k.priority, k.run_at
                  from taken as k order by k.run_at, k.id;
            end if;
            get diagnostics taken = row_count;
            open_slots := open_slots - taken;
            looks := looks + 1;
            exit when open_slots <= 0;
            if looks >= 100 then
                perform pg_notify('orch_jobs', ''); -- Much was found blocked: the look goes on in another transaction.
                return;
            end if;
        end loop;
    end loop;
end
$$;
comment on function orch.claim_jobs(text, uuid, int, jsonb, text[], text[]) is 'Gives the most urgent due jobs to one node, each with a new run. Empty result: nothing is due. marks: [{"priority", "run_at", "id"}, …] in falling priority, the last keys that the caller took; null looks everywhere.';
