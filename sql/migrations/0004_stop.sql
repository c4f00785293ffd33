-- What STOP has to remember: when it was heard of, and which gestures are known already.
alter table orch.tasks add column cancel_heard_at timestamptz;
comment on column orch.tasks.cancel_heard_at is 'When the STOP reached orchd: the last byte of the delivery or the request, or the call; null = never.';
alter table orch.events add column heard_at timestamptz;
comment on column orch.events.heard_at is 'When its last byte was in, by the clock of the node that took it; null = the node did not say.';
comment on column orch.agent_runs.stop_at is
    'When it was asked to stop: the STOP heard of, also by a delivery that could only be routed later; a deferred one applied; else the call.';

-- What the reconciler asks a gate again with, where it finds the tasks that ended lately, and what became of those that it looked at.
alter table orch.tasks add column evidence jsonb not null default '{}';
comment on column orch.tasks.evidence is 'What the newest run that told of it left on the branch for the gates to judge.';
create index tasks_ended on orch.tasks (finished_at) where finished_at is not null;
alter table orch.duties add column tally jsonb not null default '{}';
comment on column orch.duties.tally is 'How often each thing has come of it so far, for duties that count; see orch.reconcile().';
insert into orch.settings (name, published) values ('reconcile_grace', '300 s');
-- This one answers more, too.
drop function if exists orch.run_duty(text, text, interval);

-- Their successors have one parameter more: when the STOP was heard of.
drop function if exists orch.receive_event(text, text, text, jsonb, text);
drop function if exists orch.stop_task(text, text, text, text, bigint);
drop function if exists orch.cancel_task(bigint, bigint);
drop function if exists orch.cancel_jobs(bigint, text, text[]);
-- And this one answers more.
drop function if exists orch.beat(text, uuid, boolean);

-- One gesture of a person comes in several deliveries; one that tells of it late must not be a second gesture.
alter table orch.board_issues add column gesture_state text, add column gestures_owed text[] not null default '{}';
comment on column orch.board_issues.gesture_state is 'Status that this change set.';
comment on column orch.board_issues.gestures_owed is 'Statuses whose change was seen by its result; the deliveries that name these changes are still to come, and are no changes of their own.';

-- The story of a STOP finds its task, its namesakes and its deliveries by these, and orch.stops the newest STOPs.
create index tasks_item on orch.tasks (lower(split_part(work_item, '#cancelled-', 1)));
create index tasks_issue on orch.tasks (split_part(plane_issue_id, '#cancelled-', 1));
create index tasks_stops on orch.tasks (coalesce(cancelled_at, cancel_requested_at) desc) where cancelled_at is not null or cancel_requested_at is not null;
create index events_issue on orch.events ((facts ->> 'issue_id'), id) where kind = 'issue';
create index deploys_task on orch.deploys (task_id);
