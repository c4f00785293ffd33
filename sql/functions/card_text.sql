-- What does not concern a task now has no line. Only the title and a person's reason come from outside: they are cut, so that the rest is always seen.
create or replace function orch.card_text(task orch.tasks)
returns text language sql stable as $$
    select concat_ws(E'\n',
        orch.original_key(task.work_item) || ' ' || orch.shortened(regexp_replace(btrim(task.title), '\s+', ' ', 'g'), 500),
        orch.say('card.stage', orch.say('stage.' || task.stage)),
        case when task.stage = 'cancelled'
                 then orch.say('card.stopped', orch.shortened(task.cancel_actor, 100), to_char(task.cancelled_at, 'YYYY-MM-DD HH24:MI TZ'),
                               orch.shortened(coalesce(task.cancel_reason, 'STOP'), 500))
             when task.cancel_requested_at is not null
                 then orch.say('card.stop.waits', orch.shortened(task.cancel_actor, 100), orch.said_span(now() - task.cancel_requested_at))
             when task.stage = 'done' and task.cancel_actor is not null then orch.say('card.stop.late', orch.shortened(task.cancel_actor, 100)) end,
        case when task.finished_at is not null then orch.say('card.took', orch.said_span(task.finished_at - task.created_at))
             when d.phase = 'B' then orch.say('card.deploying', orch.said_span(now() - d.initiated_at))
             when r.id is not null then orch.say('card.works', r.agent, orch.said_span(now() - coalesce(r.started_at, r.claimed_at)), r.attempt::text, r.node)
             when task.attention = 'blocked' then orch.say('card.blocked', orch.shortened(coalesce(task.attention_said, task.attention_reason), 500))
             when task.attention is not null then orch.say('card.needs.input', orch.shortened(coalesce(task.attention_said, task.attention_reason), 500))
             when task.stage = 'analysis' and task.brd_review_started_at is not null and task.brd_review_ended_at is null
                 then orch.say('card.review', orch.said_span(now() - task.brd_review_started_at, is_rough => true))
             when d.phase = 'A' and d.confirmed_at is null and d.checked_at is not null then orch.say('card.parked')
             when j.agent is not null then orch.say('card.next', j.agent, orch.shortened(w.why, 500))
             when w.why is not null then orch.say('card.waits', orch.shortened(w.why, 500)) end,
        case when task.brd_review_ended_at is not null then orch.say('card.reviewed', orch.said_span(task.brd_review_ended_at - task.brd_review_started_at)) end,
        case when m.state = 'WATCHING' then orch.say('card.watched', orch.said_span(now() - m.began_at), m.checks::text, m.failures::text)
             when m.state is not null then orch.say('card.watch.ended', m.state) end,
        case when b.returns > 0 then orch.say('card.returns', b.returns::text) end,
        case when c.runs > 0 then orch.say('card.cost', to_char(c.cost, 'FM999990.00'), replace(to_char(c.tokens, 'FM999,999,999,999,990'), ',', ' '),
                                           c.runs::text, orch.said_span(c.work)) end)
      from (select count(*) filter (where x.cause in ('rejected', 'gate_rejected')) as returns from orch.transitions as x where x.task_id = task.id) as b
      cross join (select count(*) as runs, coalesce(sum(a.cost_usd), 0) as cost,
                         coalesce(sum(coalesce(a.tokens_in, 0) + coalesce(a.tokens_out, 0) + coalesce(a.tokens_cache, 0)), 0) as tokens,
                         coalesce(sum(coalesce(a.ended_at, now()) - a.started_at), '0') as work
                    from orch.agent_runs as a where a.task_id = task.id and a.started_at is not null) as c
      left join lateral (select * from orch.agent_runs as a where a.task_id = task.id and a.ended_at is null order by a.id limit 1) as r on true
      left join lateral (select k.agent from orch.jobs as k where k.task_id = task.id and k.status = 'queued' order by k.id limit 1) as j on true
      left join lateral (select * from orch.deploys as e where e.task_id = task.id order by e.id desc limit 1) as d on d.finished_at is null
      left join lateral (select * from orch.monitors as n where n.task_id = task.id order by n.id desc limit 1) as m on true
      left join orch.why as w on w.task_id = task.id
$$;
comment on function orch.card_text(orch.tasks) is 'The live card of a task as it is now: stage, who works on it and for how long, what it waits for, review, cost, STOP.';
