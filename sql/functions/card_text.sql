-- What does not concern a task now has no line.
create or replace function orch.card_text(task orch.tasks)
returns text language sql stable as $$
    select concat_ws(E'\n',
        orch.original_key(task.work_item) || ' ' || regexp_replace(btrim(task.title), '\s+', ' ', 'g'),
        orch.say('card.stage', orch.say('stage.' || task.stage)),
        case when task.stage = 'cancelled' then orch.say('card.stopped', task.cancel_actor, coalesce(task.cancel_reason, 'STOP'))
             when task.cancel_requested_at is not null
                 then orch.say('card.stop.waits', task.cancel_actor, orch.said_span(now() - task.cancel_requested_at)) end,
        case when task.finished_at is not null then orch.say('card.took', orch.said_span(task.finished_at - task.created_at))
             when d.phase = 'B' then orch.say('card.deploying', orch.said_span(now() - d.initiated_at))
             when r.id is not null then orch.say('card.works', r.agent, orch.said_span(now() - coalesce(r.started_at, r.claimed_at)), r.attempt::text, r.node)
             when task.attention is null and task.stage = 'analysis' and task.brd_review_started_at is not null and task.brd_review_ended_at is null
                 then orch.say('card.review', orch.said_span(now() - task.brd_review_started_at))
             when task.attention is null and d.phase = 'A' and d.confirmed_at is null and d.checked_at is not null then orch.say('card.parked')
             when w.why is not null then orch.say('card.waits', left(w.why, 500)) end,
        case when task.brd_review_ended_at is not null then orch.say('card.reviewed', orch.said_span(task.brd_review_ended_at - task.brd_review_started_at)) end,
        case when m.state = 'WATCHING' then orch.say('card.watched', orch.said_span(now() - m.began_at), m.checks::text, m.failures::text)
             when m.state is not null then orch.say('card.watch.ended', m.state) end,
        case when b.returns > 0 then orch.say('card.returns', b.returns::text) end,
        case when c.runs > 0 then orch.say('card.cost', to_char(c.cost, 'FM999990.00'), c.runs::text, orch.said_span(c.work)) end)
      from (select count(*) filter (where x.cause in ('rejected', 'gate_rejected')) as returns from orch.transitions as x where x.task_id = task.id) as b
      cross join (select count(*) as runs, coalesce(sum(a.cost_usd), 0) as cost,
                         coalesce(sum(coalesce(a.ended_at, now()) - a.started_at), '0') as work
                    from orch.agent_runs as a where a.task_id = task.id and a.started_at is not null) as c
      left join lateral (select * from orch.agent_runs as a where a.task_id = task.id and a.ended_at is null order by a.id limit 1) as r on true
      left join lateral (select * from orch.deploys as e where e.task_id = task.id order by e.id desc limit 1) as d on d.finished_at is null
      left join lateral (select * from orch.monitors as n where n.task_id = task.id order by n.id desc limit 1) as m on true
      left join orch.why as w on w.task_id = task.id
$$;
comment on function orch.card_text(orch.tasks) is 'The live card of a task as it is now: stage, who works on it and for how long, what it waits for, review, cost, STOP.';
