drop view if exists orch.timetable;
create view orch.timetable as
select s.name, case when s.failed is not null then 'failing' when s.next_at <= now() then 'due' else 'waiting' end as state, s.next_at - now() as due_in,
       s.next_at, s.cron, s.time_zone, s.agent, s.repo, s.missed, s.last_at, s.last_job_id as last_job, j.status as last_status, s.failed as why
  from orch.schedules as s left join orch.jobs as j on j.id = s.last_job_id
 order by s.next_at, s.name;
comment on view orch.timetable is 'Schedules, the next one first.';
comment on column orch.timetable.name is 'Name of the schedule.';
comment on column orch.timetable.state is 'waiting, due, or failing (its tick could not be fired, and is tried again each minute).';
comment on column orch.timetable.due_in is 'Until the next tick.';
comment on column orch.timetable.next_at is 'Next tick.';
comment on column orch.timetable.cron is 'Cron expression.';
comment on column orch.timetable.time_zone is 'Time zone in which it is read.';
comment on column orch.timetable.agent is 'Agent of its jobs.';
comment on column orch.timetable.repo is 'Repository of its jobs.';
comment on column orch.timetable.missed is 'What becomes of ticks that nobody was there for: once, skip or all.';
comment on column orch.timetable.last_at is 'Last tick that queued a job.';
comment on column orch.timetable.last_job is 'That job.';
comment on column orch.timetable.last_status is 'How that job is; null = there was none, or it was pruned.';
comment on column orch.timetable.why is 'Why the last attempt to fire failed.';
