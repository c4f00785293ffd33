drop view if exists orch.why cascade;
create view orch.why as
select t.id as task_id, t.stage, now() - t.stage_since as age, t.work_item,
       case
           when t.cancel_requested_at is not null then
               format('STOP by %s (asked %s) is ', t.cancel_actor, to_char(t.cancel_requested_at, 'HH24:MI:SS'))
               || coalesce('deferred until this has ended: ' || orch.critical_reason(t.id), 'about to be applied by the next sweep')
           when r.id is not null and j.status = 'running' then
               case when r.started_at is null then format('job %s was claimed by %s and is about to start', j.id, r.node)
                    else format('%s works on %s since %s (job %s, run %s, attempt %s)', j.agent, r.node, to_char(r.started_at, 'HH24:MI:SS'),
                                j.id, r.id, r.attempt) end
           when j.status = 'queued' and j.held is not null then j.held
           when j.status = 'queued' and j.run_at > now() then
               format('retry at %s after: %s', to_char(j.run_at, 'HH24:MI:SS'), coalesce(j.error, 'no error'))
           when j.status = 'queued' then coalesce(orch.not_taken(j.agent), format('job %s waits for a free slot', j.id))
           when t.attention is not null then format('%s: %s', replace(t.attention, '_', ' '), coalesce(t.attention_reason, 'no reason given')) || deaf.words
           when o.last_error is not null then
               format('effect %s (%s) is tried again at %s after: %s', o.id, o.kind, to_char(o.next_at, 'HH24:MI:SS'), o.last_error)
           when o.kind = 'task_start' and ahead.id is not null then
               format('the branch is made after the clean-up of task %s: effect %s (%s)%s', ahead.task_id, ahead.id, ahead.kind,
                      coalesce(', which is tried again after: ' || ahead.last_error, ''))
           when o.kind = 'task_start' then 'the branch is being made'
           when o.kind = 'merge_check' then 'the merge with the default branch is being tried'
           when o.kind = 'pull_merge' then 'the pull request is being merged'
           when t.stage = 'analysis' and t.brd_review_started_at is not null then
               format('waits for a person to approve the analysis since %s', to_char(t.brd_review_started_at, 'YYYY-MM-DD HH24:MI')) || deaf.words
           when t.stage = 'development' then format('waits for CI of %s: %s', left(t.head_sha, 10), (orch.ci_state(t.repo, t.head_sha)).state)
               || coalesce('; the forge cannot be asked for it: ' || t.ci_error, '')
           when t.stage = 'deploy' and l.task_id is distinct from t.id then
               'waits for the merge lease' || coalesce(', held by ' || (select h.work_item from orch.tasks as h where h.id = l.task_id), '')
           when t.stage = 'deploy' then 'parked: waits for Confirm Deploy' || deaf.words
           else 'nothing is queued: orch.retry_job or Rejected on the board goes on'
       end as why
  from orch.tasks as t
  left join lateral (select * from orch.jobs as k where k.task_id = t.id and k.status in ('queued', 'running') order by k.id limit 1) as j on true
  left join orch.agent_runs as r on r.id = j.run_id and r.ended_at is null
  left join lateral (select * from orch.outbox as e where e.task_id = t.id and e.status = 'pending' and orch.moves_task(e.kind)
                      order by e.id limit 1) as o on true
  left join lateral (select * from orch.outbox as b where b.lane = o.lane and b.status = 'pending' and b.id < o.id and b.task_id <> o.task_id
                      order by b.id limit 1) as ahead on true
  left join orch.merge_leases as l on l.repo = t.repo
  left join lateral (select coalesce('; the board cannot be asked what people did there: ' || coalesce(p.poll_error, p.states_error), '') as words
                       from orch.projects as p where p.id = t.project_id) as deaf on true
 where t.finished_at is null;
comment on view orch.why is 'Every unfinished task and the one reason why it is not further. The whole story of one: select * from orch.why(''ORCH-042'')';
comment on column orch.why.task_id is 'Task.';
comment on column orch.why.stage is 'Where it is.';
comment on column orch.why.age is 'How long it has been there.';
comment on column orch.why.work_item is 'Work item.';
comment on column orch.why.why is 'Why it is not further.';
