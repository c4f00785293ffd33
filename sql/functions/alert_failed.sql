-- A thousand failed jobs are one message, not a thousand: while an agent's alert has not left, it is brought up to date. Never waits for it.
create or replace function orch.alert_failed(job orch.jobs, problem text)
returns void language plpgsql as $$
declare
    words text := orch.say('job.failed', job.id::text, job.agent, job.attempts::text, left(problem, 500));
begin
    if not exists (select from orch.outbox as o where o.lane = 'chat/agent/' || job.agent and o.status = 'pending' and o.token is null and o.payload ? 'failed') then
        perform orch.add_effect(null, 'alert', jsonb_build_object('agent', job.agent, 'failed', 1, 'text', words));
        return;
    end if;
    update orch.outbox as o
       set payload = o.payload || jsonb_build_object('failed', coalesce((o.payload ->> 'failed')::int, 0) + 1, 'text',
                         orch.say('jobs.failed', job.agent, (coalesce((o.payload ->> 'failed')::int, 0) + 1)::text, words))
     where o.id = (select p.id from orch.outbox as p
                    where p.lane = 'chat/agent/' || job.agent and p.status = 'pending' and p.token is null and p.payload ? 'failed'
                    order by p.id desc limit 1 for update skip locked);
end
$$;
comment on function orch.alert_failed(orch.jobs, text) is 'Promises an alert about a failed job without a task; those of one agent that have not left are one.';
