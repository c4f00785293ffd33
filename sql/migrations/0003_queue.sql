-- The queue for every program: rules that hold jobs (pauses, limits), schedules, keys that stay taken for a period, and a claim whose cost does not grow.
-- The pattern of a name is tested at the door. Here it ran at each change of status, a sixth of the cost of a claim.
alter table orch.jobs drop constraint jobs_agent_check;
alter table orch.jobs add constraint jobs_agent_check check (length(agent) between 1 and 64);

alter table orch.jobs add column held_by text;
alter table orch.jobs add column limit_key text check (length(limit_key) between 1 and 200);
comment on column orch.jobs.held      is 'Why a queued job waits, in words; null = it may be claimed at run_at.';
comment on column orch.jobs.held_by   is 'The rule that holds it: task, pause <kind> <name> or limit <kind> <name>; null = none.';
comment on column orch.jobs.limit_key is 'Key whose limit it counts against; null = none.';
comment on column orch.jobs.run_id    is 'Run of the last claim: the fence. A job without a task gets its row in orch.agent_runs when its process starts.';
update orch.jobs set held_by = 'task' where held is not null;
alter table orch.jobs add check ((held is null) = (held_by is null));

-- A claim makes the number of a run, not its row: the row is written when there is a process to tell of.
alter table orch.jobs drop constraint jobs_run_id_fkey;
drop index orch.jobs_running;
create unique index jobs_running on orch.jobs (run_id) where status = 'running';
drop index orch.jobs_held;
create index jobs_held on orch.jobs (held_by, priority desc, run_at, id) where status = 'queued' and held is not null;
-- Without the last condition every job had an entry here, for nothing.
drop index orch.jobs_unique_key;
create unique index jobs_unique_key on orch.jobs (unique_key) where status in ('queued', 'running') and unique_key is not null;
-- Retention walks by id, and views by run: the index cost every completion a write.
drop index orch.jobs_finished;

-- Each job is an insert and two updates, so dead rows come in proportion to work, not to what is kept: with ten million finished jobs, the two
-- per cent of before were 200,000 dead rows. A vacuum that finds few dead rows costs a pass over the indexes, so it is half a per cent, and not
-- nothing; it works without pauses, because the next claim pays for what it leaves.
alter table orch.jobs set (autovacuum_vacuum_scale_factor = 0.005, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
                           autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 5000);
alter table orch.agent_runs set (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
-- A handful of rows, written all the time: they stay within their page while there is room in it.
alter table orch.nodes set (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

create table orch.pauses (
    kind      text not null check (kind in ('all', 'agent', 'repo')),
    name      text not null check ((kind = 'all') = (name = '')),
    reason    text not null default '',
    paused_at timestamptz not null default now(),
    paused_by text not null default session_user,
    primary key (kind, name)
);
comment on table  orch.pauses           is 'Agents and repositories whose queued jobs wait until orch.resume().';
comment on column orch.pauses.kind      is 'all, agent or repo.';
comment on column orch.pauses.name      is 'Which agent or repository; empty for all.';
comment on column orch.pauses.reason    is 'Why.';
comment on column orch.pauses.paused_at is 'Since when.';
comment on column orch.pauses.paused_by is 'By whom.';

create table orch.limits (
    kind           text not null check (kind in ('all', 'agent', 'repo', 'key')),
    name           text not null check ((kind = 'all') = (name = '')),
    at_once        int  check (at_once between 1 and 1000000),
    per_period     int  check (per_period between 1 and 1000000000),
    period         interval check (period between interval '1 second' and interval '366 days'),
    window_from    timestamptz not null default '-infinity',
    window_started int  not null default 0,
    set_at         timestamptz not null default now(),
    set_by         text not null default session_user,
    primary key (kind, name),
    check (at_once is not null or per_period is not null),
    check ((per_period is null) = (period is null))
) with (fillfactor = 50);
comment on table  orch.limits                is 'How many jobs may run at once, and how many may start in a period: for all, an agent, a repository or a key.';
comment on column orch.limits.kind           is 'all, agent, repo or key.';
comment on column orch.limits.name           is 'Which agent, repository or key; empty for all.';
comment on column orch.limits.at_once        is 'Running at once at most; null = no such limit.';
comment on column orch.limits.per_period     is 'Starts in a period at most; null = no such limit.';
comment on column orch.limits.period         is 'Length of the period. It begins with the first start after the one before has ended.';
comment on column orch.limits.window_from    is 'When the present period began.';
comment on column orch.limits.window_started is 'Starts in the present period.';
comment on column orch.limits.set_at         is 'When the limit was set.';
comment on column orch.limits.set_by         is 'By whom.';

create table orch.schedules (
    name         text primary key check (name ~ '^[A-Za-z0-9._/-]{1,100}$'),
    cron         text not null,
    time_zone    text not null default 'UTC',
    agent        text not null check (agent ~ '^[A-Za-z0-9._-]{1,64}$'),
    content      text not null default '',
    repo         text,
    priority     int  not null default 0,
    max_attempts int  check (max_attempts between 1 and 100),
    tags         text[] not null default '{}',
    missed       text not null default 'once' check (missed in ('once', 'skip', 'all')),
    next_at      timestamptz not null,
    last_at      timestamptz,
    last_job_id  bigint,
    failed       text,
    failed_at    timestamptz,
    set_at       timestamptz not null default now(),
    set_by       text not null default session_user,
    check ((failed is null) = (failed_at is null))
);
create index schedules_due on orch.schedules (next_at);
comment on table  orch.schedules              is 'Jobs that are enqueued by the clock.';
comment on column orch.schedules.name         is 'Name.';
comment on column orch.schedules.cron         is 'Minute, hour, day of month, month and day of week, as in crontab(5).';
comment on column orch.schedules.time_zone    is 'Time zone in which cron is read.';
comment on column orch.schedules.agent        is 'Agent of its jobs.';
comment on column orch.schedules.content      is 'Content of its jobs.';
comment on column orch.schedules.repo         is 'Repository of its jobs.';
comment on column orch.schedules.priority     is 'Priority of its jobs.';
comment on column orch.schedules.max_attempts is 'Attempts of its jobs; null = the setting.';
comment on column orch.schedules.tags         is 'Tags of its jobs.';
comment on column orch.schedules.missed       is 'What becomes of ticks that nobody was there for: once (one job for all of them), skip or all (a job each, the newest hundred).';
comment on column orch.schedules.next_at      is 'Next tick; a past one is due.';
comment on column orch.schedules.last_at      is 'Last tick that enqueued a job.';
comment on column orch.schedules.last_job_id  is 'That job.';
comment on column orch.schedules.failed       is 'Why it could not fire; null = it could.';
comment on column orch.schedules.failed_at    is 'When that was tried last.';
comment on column orch.schedules.set_at       is 'When the schedule was set.';
comment on column orch.schedules.set_by       is 'By whom.';

create table orch.job_keys (
    unique_key text primary key,
    job_id     bigint not null,
    expires_at timestamptz not null
);
create index job_keys_expired on orch.job_keys (expires_at);
comment on table  orch.job_keys            is 'Unique keys that stay taken for a period, whatever becomes of their job.';
comment on column orch.job_keys.unique_key is 'Key.';
comment on column orch.job_keys.job_id     is 'Job that took it.';
comment on column orch.job_keys.expires_at is 'Until when it is taken.';

alter table orch.nodes add column host text;
comment on column orch.nodes.host is 'Host on which it runs: name and boot.';
alter table orch.nodes add column agents   text[];
alter table orch.nodes add column left_out jsonb not null default '{}';
comment on column orch.nodes.agents   is 'Agents that it can run; null = it has not told, and may run any.';
comment on column orch.nodes.left_out is 'Of those, the ones of which it takes no jobs now, and why: {"<agent>": {"breaker", "preflight", "until", "why"}}.';
insert into orch.settings (name, published) values ('unknown_agents_enabled', 'off');

alter table orch.tasks add column files       jsonb not null default '{}';
alter table orch.tasks add column stage_files jsonb default '{}';
comment on column orch.tasks.files       is 'Blob of each file in docs/work-items/<work item>/ as the newest run left it.';
comment on column orch.tasks.stage_files is 'Those files when the task entered its stage: a verdict with the same blob is of an earlier round. Null = nobody recorded them.';
update orch.tasks as t set stage_files = null
 where t.finished_at is null
   and (select count(*) from orch.transitions as x where x.task_id = t.id and x.to_stage = t.stage) > 1;

create table orch.duties (
    duty     text primary key,
    node     text not null,
    until_at timestamptz not null,
    ran_at   timestamptz,
    failed   text
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
comment on table  orch.duties          is 'Loops of which only one node may run each. A duty moves when its node lets the time pass.';
comment on column orch.duties.duty     is 'Name of the loop.';
comment on column orch.duties.node     is 'Node that runs it.';
comment on column orch.duties.until_at is 'Until when it is that node''s.';
comment on column orch.duties.ran_at   is 'When it ran last, to within half of that time.';
comment on column orch.duties.failed   is 'Why the last round failed; null = it did not.';

create table orch.walks (
    subject   text primary key check (subject in ('jobs', 'events', 'outbox')),
    last_id   bigint not null default 0,
    began_at  timestamptz not null default now(),
    is_at_end boolean not null default false,
    pruned    bigint not null default 0
);
insert into orch.walks (subject) values ('jobs'), ('events'), ('outbox');
comment on table  orch.walks           is 'How far retention has come in each table.';
comment on column orch.walks.subject   is 'Table.';
comment on column orch.walks.last_id   is 'Number of the last row that was looked at.';
comment on column orch.walks.began_at  is 'When this walk through the table began.';
comment on column orch.walks.is_at_end is 'What follows was too young when it was looked at last.';
comment on column orch.walks.pruned    is 'Rows deleted so far.';
-- Whether a delivery is part of a task's history is asked of each one that is old.
create index transitions_event on orch.transitions (event_id) where event_id is not null;
insert into orch.settings (name, published) values ('retention_jobs', '2592000 s'), ('retention_events', '7776000 s');

-- Their signatures have grown.
drop function if exists orch.enqueue(text, text, text, int, timestamptz, int, text, text[]);
drop function if exists orch.node_start(text, uuid, int, int, text, interval);
drop function if exists orch.claim_jobs(text, uuid, int);
drop function if exists orch.run_started(bigint, int, text, text, text);
drop function if exists orch.finish_run(bigint, text, jsonb);
drop function if exists orch.leftover_runs(text);
