-- What happens after a deploy has begun: a hook that outlives its orchd, and a monitor that watches what was deployed.
alter table orch.agent_runs add column detached_until timestamptz;
comment on column orch.agent_runs.detached_until is
    'The command runs detached: it outlives its orchd, whose next start goes on watching it, and has ended by then. null = it ends with its orchd.';

alter table orch.tasks add column ci_error text;
comment on column orch.tasks.ci_error is 'Why the forge could not be asked for the commit statuses of head_sha at the last time; null = it could.';

drop function if exists orch.leftover_runs(text);
drop function if exists orch.fail_job(orch.jobs, bigint, text);
drop function if exists orch.report_not_built(text);

create table orch.monitors (
    id           bigint generated always as identity primary key,
    task_id      bigint      not null references orch.tasks,
    repo         text        not null,
    sha          text,
    state        text        not null default 'WATCHING' check (state in ('WATCHING', 'HEALTHY', 'DEGRADED', 'SUPERSEDED', 'ENDED')),
    began_at     timestamptz not null default now(),
    until        timestamptz,
    next_at      timestamptz not null default now(),
    checks       int         not null default 0,
    failures     int         not null default 0,
    last_error   text,
    checked_at   timestamptz,
    ended_at     timestamptz,
    rollback_job bigint,
    check ((state = 'WATCHING') = (ended_at is null))
);
create unique index monitors_one_open on orch.monitors (repo) where ended_at is null;
create index monitors_task on orch.monitors (task_id);
comment on table  orch.monitors              is 'Watches over what was deployed, one for each deploy of a repository that has a monitor.';
comment on column orch.monitors.id           is 'Number.';
comment on column orch.monitors.task_id      is 'Task that was deployed.';
comment on column orch.monitors.repo         is 'owner/name.';
comment on column orch.monitors.sha          is 'Commit that was deployed.';
comment on column orch.monitors.state        is 'WATCHING; HEALTHY: its window is over and the last check was good; DEGRADED: too many checks failed in a row; SUPERSEDED: the next deploy began; ENDED: the agents file has no monitor for the repository any more.';
comment on column orch.monitors.began_at     is 'When the task was done.';
comment on column orch.monitors.until        is 'End of its window; null before the first check.';
comment on column orch.monitors.next_at      is 'When the next check is due.';
comment on column orch.monitors.checks       is 'Checks made.';
comment on column orch.monitors.failures     is 'Checks that failed in a row, the last one included.';
comment on column orch.monitors.last_error   is 'Why the last check that failed did so.';
comment on column orch.monitors.checked_at   is 'When the last check was made.';
comment on column orch.monitors.ended_at     is 'When it ended; null = it watches.';
comment on column orch.monitors.rollback_job is 'Job of the rollback command that was queued when it was degraded.';

insert into orch.settings (name, published) values ('monitored_repos', ''), ('post_deploy_enabled', 'on');

-- What the other side of effects bears.
create table orch.channels (
    channel     text        primary key check (channel in ('chat', 'board')),
    tokens      numeric     not null default 1,
    filled_at   timestamptz not null default now(),
    quiet_until timestamptz not null default '-infinity'
);
comment on table  orch.channels             is 'Channels of effects whose other side limits how much it is asked, whatever the node.';
comment on column orch.channels.channel     is 'chat: the messenger; board.';
comment on column orch.channels.tokens      is 'Messages that may be sent at once, as of filled_at.';
comment on column orch.channels.filled_at   is 'When tokens was counted.';
comment on column orch.channels.quiet_until is 'The other side asked for patience (Retry-After): nothing is sent there before.';
insert into orch.channels (channel) values ('chat'), ('board');
insert into orch.settings (name, published) values ('language', 'en'), ('telegram_per_minute', '20');

alter table orch.tracker_messages add column digest text;
comment on column orch.tracker_messages.digest is 'MD5 of the text that it shows; null = not known.';
alter table orch.tasks add column attention_said text;
comment on column orch.tasks.attention_said is 'attention_reason in the language of messages, where that is another text; null = as it is.';
drop function if exists orch.block_task(bigint, text, text);
drop function if exists orch.project_polled(bigint, timestamptz, text);
drop function if exists orch.board_states_failed(bigint, text);
