-- The whole memory of orchd: what is wanted (tasks, jobs, effects), what physically is (runs, nodes), and what was seen (events, transitions).
create schema if not exists orch;
comment on schema orch is 'orchd: tasks, their jobs and runs, and the effects that the outside sees. Start with: select * from orch.active';

create table orch.settings (
    name        text primary key,
    published   text,
    override    text,
    updated_at  timestamptz not null default now(),
    updated_by  text        not null default session_user
);
comment on table  orch.settings            is 'Settings that SQL functions read. The override of an operator wins over what the service published from its environment.';
comment on column orch.settings.name       is 'Name of the setting in lower case, without ORCH_.';
comment on column orch.settings.published  is 'Value from the environment of the node that started last, or the default.';
comment on column orch.settings.override   is 'Value set with orch.set_setting(); null = none.';
comment on column orch.settings.updated_at is 'When either value changed last.';
comment on column orch.settings.updated_by is 'Database role that changed it last.';

create table orch.projects (
    id                 bigint generated always as identity primary key,
    name               text        not null unique,
    prefix             text        not null unique check (prefix ~ '^[A-Z][A-Z0-9_]{0,19}$'),
    repo               text        not null check (repo ~ '^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$'),
    clone_url          text        not null check (clone_url !~ '^[a-z+]+://[^/@]*:[^/@]*@'),
    default_branch     text        not null default 'main' check (default_branch <> ''),
    plane_workspace    text        not null,
    plane_project_id   text        not null unique,
    board_actor        text,
    states_read_at     timestamptz,
    states_wanted_at   timestamptz default now(),
    states_error       text,
    created_at         timestamptz not null default now()
);
comment on table  orch.projects                  is 'Ties a board project to a repository on the forge, its default branch and its prefix.';
comment on column orch.projects.id               is 'Number of the project.';
comment on column orch.projects.name             is 'Name for people.';
comment on column orch.projects.prefix           is 'Prefix of work items: ORCH in ORCH-042.';
comment on column orch.projects.repo             is 'owner/name on the forge.';
comment on column orch.projects.clone_url        is 'Where git fetches from and pushes to; without a password, which is the node''s own setting.';
comment on column orch.projects.default_branch   is 'Branch that only a merge through the forge moves.';
comment on column orch.projects.plane_workspace  is 'Slug of the workspace on the board.';
comment on column orch.projects.plane_project_id is 'Id of the project on the board.';
comment on column orch.projects.board_actor      is 'Board user of our own API key: its changes are ours coming back.';
comment on column orch.projects.states_read_at   is 'When the statuses were read from the board last.';
comment on column orch.projects.states_wanted_at is 'Since when somebody wants them read again; null = nobody.';
comment on column orch.projects.states_error     is 'Why the last reading failed.';
comment on column orch.projects.created_at       is 'When the project was added.';

create table orch.board_states (
    project_id  bigint not null references orch.projects on delete cascade,
    state_id    text   not null,
    name        text   not null,
    state_group text   not null,
    key         text,
    primary key (project_id, state_id)
);
comment on table  orch.board_states             is 'Statuses of a project as read from its board.';
comment on column orch.board_states.project_id  is 'Project.';
comment on column orch.board_states.state_id    is 'Id on the board.';
comment on column orch.board_states.name        is 'Name on the board, as people wrote it.';
comment on column orch.board_states.state_group is 'Group on the board: backlog, unstarted, started, completed or cancelled.';
comment on column orch.board_states.key         is 'Logical key of the name (see orch.status_key); null = a status that means nothing to orchd.';

create table orch.board_issues (
    issue_id    text primary key,
    project_id  bigint not null references orch.projects on delete cascade,
    state_id    text,
    changed_at  timestamptz not null default '-infinity',
    gesture_at  timestamptz not null default '-infinity',
    title       text,
    description text,
    sequence    bigint,
    labels      text[] not null default '{}'
);
comment on table  orch.board_issues             is 'Newest known state of each issue seen on a board. A delivery is a hint: the newest update wins.';
comment on column orch.board_issues.issue_id    is 'Id of the issue on the board.';
comment on column orch.board_issues.project_id  is 'Project.';
comment on column orch.board_issues.state_id    is 'Its status on the board.';
comment on column orch.board_issues.changed_at  is 'Update time of the issue on the board, not of the delivery.';
comment on column orch.board_issues.gesture_at  is 'Update time of the newest change of status that a person made. Our own writes do not count: they must never hide a person''s.';
comment on column orch.board_issues.title       is 'Title.';
comment on column orch.board_issues.description is 'Description as plain text.';
comment on column orch.board_issues.sequence    is 'Number of the issue in its project.';
comment on column orch.board_issues.labels      is 'Names of its labels.';

create table orch.stages (
    stage       text primary key,
    position    int     not null unique,
    next        text    references orch.stages deferrable initially deferred,
    agent       text,
    gate        text,
    on_reject   text    references orch.stages deferrable initially deferred,
    status_key  text,
    is_terminal boolean not null default false
);
comment on table  orch.stages             is 'Stages of the pipeline and their edges.';
comment on column orch.stages.stage       is 'Name.';
comment on column orch.stages.position    is 'Order for people.';
comment on column orch.stages.next        is 'Stage after the gate has passed.';
comment on column orch.stages.agent       is 'Agent of the next step: it works in the stage that follows.';
comment on column orch.stages.gate        is 'Named check on the way out.';
comment on column orch.stages.on_reject   is 'Stage to which a rejection sends the task back.';
comment on column orch.stages.status_key  is 'Status that the board shows while the task is here.';
comment on column orch.stages.is_terminal is 'For people and drawings; orch.is_terminal() is the predicate, and a test compares the two.';

create table orch.tasks (
    id                    bigint generated always as identity primary key,
    project_id            bigint      not null references orch.projects,
    repo                  text        not null,
    plane_id              text        not null unique,
    plane_issue_id        text        not null unique,
    work_item             text        not null unique,
    title                 text        not null,
    description           text,
    branch                text        not null,
    stage                 text        not null default 'created' references orch.stages,
    stage_since           timestamptz not null default now(),
    attention             text        check (attention in ('needs_input', 'blocked')),
    attention_reason      text,
    base_sha              text,
    head_sha              text,
    pull_number           bigint,
    brd_review_started_at timestamptz,
    brd_review_ended_at   timestamptz,
    cancel_requested_at   timestamptz,
    cancel_reason         text,
    cancel_via            text,
    cancel_actor          text,
    cancelled_at          timestamptz,
    created_at            timestamptz not null default now(),
    finished_at           timestamptz,
    check ((stage = 'cancelled') = (cancelled_at is not null)),
    check ((stage in ('done', 'cancelled')) = (finished_at is not null)),
    check ((stage = 'cancelled') = (work_item like '%#cancelled-%')),
    check ((attention is null) or stage not in ('done', 'cancelled'))
);
create index tasks_unfinished on orch.tasks (repo, id) where finished_at is null;
create index tasks_branch on orch.tasks (repo, branch);
create index tasks_cancel_pending on orch.tasks (cancel_requested_at) where cancel_requested_at is not null and finished_at is null;
comment on table  orch.tasks                       is 'One issue''s way through the pipeline.';
comment on column orch.tasks.id                    is 'Number of the task, for good.';
comment on column orch.tasks.project_id            is 'Project.';
comment on column orch.tasks.repo                  is 'owner/name on the forge, as it was at the start.';
comment on column orch.tasks.plane_id              is 'Key of the issue on the board: <board project>/<sequence>; tombstoned when cancelled.';
comment on column orch.tasks.plane_issue_id        is 'Id of the issue on the board; tombstoned when cancelled.';
comment on column orch.tasks.work_item             is 'PREFIX-NNN; tombstoned when cancelled.';
comment on column orch.tasks.title                 is 'Title of the issue at the start.';
comment on column orch.tasks.description           is 'Text of the issue at the start.';
comment on column orch.tasks.branch                is 'Feature branch of the task.';
comment on column orch.tasks.stage                 is 'Where the task is.';
comment on column orch.tasks.stage_since           is 'Since when it is there.';
comment on column orch.tasks.attention             is 'needs_input or blocked: no job runs until a person acts; null = going on.';
comment on column orch.tasks.attention_reason      is 'Why.';
comment on column orch.tasks.base_sha              is 'Commit of the default branch from which the branch was made.';
comment on column orch.tasks.head_sha              is 'Newest known commit of the branch.';
comment on column orch.tasks.pull_number           is 'Number of the pull request on the forge.';
comment on column orch.tasks.brd_review_started_at is 'Review clock: since when a person was asked to approve the analysis.';
comment on column orch.tasks.brd_review_ended_at   is 'Review clock: when the person answered, or STOP ended it.';
comment on column orch.tasks.cancel_requested_at   is 'A STOP that waits for the critical window to close.';
comment on column orch.tasks.cancel_reason         is 'Why STOP was asked for.';
comment on column orch.tasks.cancel_via            is 'Door of the STOP: board, http, orchctl or psql.';
comment on column orch.tasks.cancel_actor          is 'Who asked.';
comment on column orch.tasks.cancelled_at          is 'When STOP took effect.';
comment on column orch.tasks.created_at            is 'When the task began.';
comment on column orch.tasks.finished_at           is 'When it became terminal.';

create table orch.job_deps (
    task_id            bigint not null references orch.tasks,
    depends_on_task_id bigint not null references orch.tasks,
    created_at         timestamptz not null default now(),
    primary key (task_id, depends_on_task_id),
    check (task_id <> depends_on_task_id)
);
create index job_deps_reverse on orch.job_deps (depends_on_task_id);
comment on table  orch.job_deps                    is 'Dependencies between tasks; no cycles.';
comment on column orch.job_deps.task_id            is 'Task that waits.';
comment on column orch.job_deps.depends_on_task_id is 'Task that must be terminal first.';
comment on column orch.job_deps.created_at         is 'When it was added.';

create table orch.jobs (
    id           bigint generated always as identity primary key,
    agent        text        not null check (agent ~ '^[A-Za-z0-9._-]{1,64}$'),
    repo         text,
    task_id      bigint      references orch.tasks,
    stage        text,
    content      text        not null default '',
    priority     int         not null default 0,
    status       text        not null default 'queued' check (status in ('queued', 'running', 'done', 'failed', 'cancelled')),
    held         text,
    run_at       timestamptz not null default now(),
    attempts     int         not null default 0,
    max_attempts int         not null default 2 check (max_attempts between 1 and 100),
    transients   int         not null default 0,
    run_id       bigint,
    node         text,
    error        text,
    unique_key   text        check (length(unique_key) between 1 and 200),
    tags         text[]      not null default '{}',
    created_at   timestamptz not null default now(),
    started_at   timestamptz,
    finished_at  timestamptz,
    check ((status in ('done', 'failed', 'cancelled')) = (finished_at is not null)),
    check ((status = 'running') <= (run_id is not null)),
    check (task_id is null or stage is not null)
);
create index jobs_ready on orch.jobs (priority desc, run_at, id) where status = 'queued' and held is null;
create index jobs_held on orch.jobs (id) where status = 'queued' and held is not null;
create index jobs_running on orch.jobs (node) where status = 'running';
create index jobs_task on orch.jobs (task_id) where task_id is not null;
create index jobs_finished on orch.jobs (finished_at) where finished_at is not null;
create unique index jobs_unique_key on orch.jobs (unique_key) where status in ('queued', 'running');
create unique index jobs_one_active_per_stage on orch.jobs (task_id, stage) where status in ('queued', 'running') and task_id is not null;
alter table orch.jobs set (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
comment on table  orch.jobs              is 'The queue. Status is what is wanted; the run is what physically is.';
comment on column orch.jobs.id           is 'Number of the job.';
comment on column orch.jobs.agent        is 'Kind of the job: the name of a configured command.';
comment on column orch.jobs.repo         is 'Repository that the job works on; may be null.';
comment on column orch.jobs.task_id      is 'Task that the job belongs to; may be null.';
comment on column orch.jobs.stage        is 'Stage of the task that the job serves.';
comment on column orch.jobs.content      is 'What is to be done, for the agent to read.';
comment on column orch.jobs.priority     is 'Higher runs first.';
comment on column orch.jobs.status       is 'queued, running, done, failed or cancelled.';
comment on column orch.jobs.held         is 'Why a queued job waits; null = it may be claimed at run_at.';
comment on column orch.jobs.run_at       is 'Not before this time.';
comment on column orch.jobs.attempts     is 'Attempts used, the running one included.';
comment on column orch.jobs.max_attempts is 'Attempts allowed.';
comment on column orch.jobs.transients   is 'Transient failures so far; they use no attempt.';
comment on column orch.jobs.run_id       is 'Run that holds, or last held, the job: the fence.';
comment on column orch.jobs.node         is 'Node of that run.';
comment on column orch.jobs.error        is 'What went wrong last.';
comment on column orch.jobs.unique_key   is 'At most one queued or running job has this key.';
comment on column orch.jobs.tags         is 'Free words for finding the job again.';
comment on column orch.jobs.created_at   is 'When it was enqueued.';
comment on column orch.jobs.started_at   is 'When it was claimed last.';
comment on column orch.jobs.finished_at  is 'When it ended.';

create table orch.nodes (
    node         text primary key,
    incarnation  uuid        not null,
    pid          int         not null,
    slots        int         not null,
    version      text        not null,
    lease        interval    not null,
    is_draining  boolean     not null default false,
    started_at   timestamptz not null default now(),
    beat_at      timestamptz not null default now(),
    stopped_at   timestamptz
);
comment on table  orch.nodes             is 'orchd processes that run jobs.';
comment on column orch.nodes.node        is 'Name of the node.';
comment on column orch.nodes.incarnation is 'This start of it: an older process of the same name is refused.';
comment on column orch.nodes.pid         is 'Process id on its host.';
comment on column orch.nodes.slots       is 'Agents at once.';
comment on column orch.nodes.version     is 'Version of orchd.';
comment on column orch.nodes.lease       is 'How long its jobs are safe without a heartbeat.';
comment on column orch.nodes.is_draining is 'It claims no more.';
comment on column orch.nodes.started_at  is 'When it started.';
comment on column orch.nodes.beat_at     is 'Last heartbeat.';
comment on column orch.nodes.stopped_at  is 'When it left in order, or was found gone; null = alive.';

create table orch.agent_runs (
    id           bigint generated always as identity primary key,
    job_id       bigint      not null references orch.jobs on delete cascade,
    task_id      bigint      references orch.tasks,
    agent        text        not null,
    stage        text,
    node         text        not null,
    incarnation  uuid        not null,
    attempt      int         not null,
    claimed_at   timestamptz not null default now(),
    pid          int,
    pid_start    text,
    boot_id      text,
    log_path     text,
    started_at   timestamptz,
    stop_at      timestamptz,
    term_at      timestamptz,
    kill_at      timestamptz,
    gone_at      timestamptz,
    tree_size    int,
    ended_at     timestamptz,
    outcome      text check (outcome in ('ok', 'failed', 'timeout', 'stopped', 'lost', 'released', 'transient', 'unstartable')),
    exit_status  int,
    signal       int,
    message      text,
    head_sha     text,
    tokens_in    bigint,
    tokens_out   bigint,
    tokens_cache bigint,
    cost_usd     numeric(12, 6),
    check ((outcome is null) = (ended_at is null))
);
create index agent_runs_open on orch.agent_runs (node) where ended_at is null;
create index agent_runs_open_task on orch.agent_runs (task_id) where ended_at is null;
create index agent_runs_job on orch.agent_runs (job_id);
create index agent_runs_task on orch.agent_runs (task_id);
alter table orch.jobs add foreign key (run_id) references orch.agent_runs deferrable initially deferred;
comment on table  orch.agent_runs              is 'One physical attempt each: a process tree on a node. Open while ended_at is null.';
comment on column orch.agent_runs.id           is 'Number of the run: the fence.';
comment on column orch.agent_runs.job_id       is 'Job.';
comment on column orch.agent_runs.task_id      is 'Task of the job.';
comment on column orch.agent_runs.agent        is 'Agent.';
comment on column orch.agent_runs.stage        is 'Stage that the job served.';
comment on column orch.agent_runs.node         is 'Node.';
comment on column orch.agent_runs.incarnation  is 'Which start of the node.';
comment on column orch.agent_runs.attempt      is 'Which attempt of the job.';
comment on column orch.agent_runs.claimed_at   is 'When the job was claimed.';
comment on column orch.agent_runs.pid          is 'Process id of the warden at the root of the tree.';
comment on column orch.agent_runs.pid_start    is 'Its start time in /proc, so that a reused number is known.';
comment on column orch.agent_runs.boot_id      is 'Boot of the host.';
comment on column orch.agent_runs.log_path     is 'Log file on the node.';
comment on column orch.agent_runs.started_at   is 'When the command was executed.';
comment on column orch.agent_runs.stop_at      is 'When it was asked to stop.';
comment on column orch.agent_runs.term_at      is 'When SIGTERM was sent to the tree.';
comment on column orch.agent_runs.kill_at      is 'When SIGKILL was sent to the tree.';
comment on column orch.agent_runs.gone_at      is 'When no process of the tree was left.';
comment on column orch.agent_runs.tree_size    is 'Processes that the stop cascade found.';
comment on column orch.agent_runs.ended_at     is 'When the run was closed.';
comment on column orch.agent_runs.outcome      is 'ok, failed, timeout, stopped, lost, released, transient or unstartable.';
comment on column orch.agent_runs.exit_status  is 'Exit status of the command; null = a signal ended it.';
comment on column orch.agent_runs.signal       is 'Signal that ended it.';
comment on column orch.agent_runs.message      is 'Its own message, or why it failed.';
comment on column orch.agent_runs.head_sha     is 'Branch head after the run.';
comment on column orch.agent_runs.tokens_in    is 'Tokens read.';
comment on column orch.agent_runs.tokens_out   is 'Tokens written.';
comment on column orch.agent_runs.tokens_cache is 'Tokens from the cache.';
comment on column orch.agent_runs.cost_usd     is 'Cost in US dollars.';

create table orch.events (
    id           bigint generated always as identity primary key,
    source       text        not null check (source in ('plane', 'gitea', 'github', 'poll')),
    delivery_key text        not null,
    kind         text        not null,
    facts        jsonb       not null,
    body         text        not null,
    status       text        not null default 'received' check (status in ('received', 'routed', 'ignored', 'failed', 'waiting')),
    reason       text,
    task_id      bigint      references orch.tasks,
    attempts     int         not null default 0,
    next_try_at  timestamptz,
    received_at  timestamptz not null default now(),
    routed_at    timestamptz,
    unique (source, delivery_key)
);
create index events_retry on orch.events (next_try_at) where status in ('failed', 'waiting') and next_try_at is not null;
create index events_comments on orch.events ((facts ->> 'issue_id'), id) where kind = 'issue_comment';
comment on table  orch.events              is 'Inbound deliveries, one row each.';
comment on column orch.events.id           is 'Number, in order of arrival.';
comment on column orch.events.source       is 'plane, gitea, github or poll.';
comment on column orch.events.delivery_key is 'What makes a repeated delivery known: digest of the body for plane, delivery id for a forge.';
comment on column orch.events.kind         is 'Name of the event at its source.';
comment on column orch.events.facts        is 'What routing reads, in one form whatever the source''s spelling.';
comment on column orch.events.body         is 'The body as it was signed.';
comment on column orch.events.status       is 'routed, ignored, failed (will be tried again while next_try_at is set) or waiting (for statuses from the board).';
comment on column orch.events.reason       is 'What it led to, or why it did not.';
comment on column orch.events.task_id      is 'Task that it touched.';
comment on column orch.events.attempts     is 'Attempts at routing.';
comment on column orch.events.next_try_at  is 'When routing is tried again.';
comment on column orch.events.received_at  is 'When it was stored.';
comment on column orch.events.routed_at    is 'When routing ended.';

create table orch.transitions (
    id         bigint generated always as identity primary key,
    task_id    bigint      not null references orch.tasks,
    from_stage text,
    to_stage   text        not null,
    cause      text        not null,
    actor      text        not null,
    event_id   bigint      references orch.events,
    run_id     bigint,
    evidence   jsonb,
    at         timestamptz not null default now()
);
create index transitions_task on orch.transitions (task_id, id);
comment on table  orch.transitions            is 'Every change of stage, append-only.';
comment on column orch.transitions.id         is 'Number.';
comment on column orch.transitions.task_id    is 'Task.';
comment on column orch.transitions.from_stage is 'Stage before; null = the task began.';
comment on column orch.transitions.to_stage   is 'Stage after.';
comment on column orch.transitions.cause      is 'Gate, gesture or STOP that caused it.';
comment on column orch.transitions.actor      is 'Who or what did it.';
comment on column orch.transitions.event_id   is 'Delivery that caused it.';
comment on column orch.transitions.run_id     is 'Run that caused it.';
comment on column orch.transitions.evidence   is 'Decision of the gate and what it was based on.';
comment on column orch.transitions.at         is 'When.';

create table orch.outbox (
    id           bigint generated always as identity primary key,
    task_id      bigint      references orch.tasks,
    kind         text        not null check (kind in ('board_comment', 'board_status', 'alert', 'card', 'task_start', 'pull_open', 'pull_merge',
                                                      'archive', 'worktree_remove', 'branch_delete')),
    lane         text        not null,
    payload      jsonb       not null default '{}',
    node         text,
    status       text        not null default 'pending' check (status in ('pending', 'done', 'dead', 'skipped')),
    attempts     int         not null default 0,
    next_at      timestamptz not null default now(),
    token        uuid,
    holder       text,
    locked_until timestamptz,
    last_error   text,
    result       jsonb,
    created_at   timestamptz not null default now(),
    ended_at     timestamptz,
    check ((status = 'pending') = (ended_at is null))
);
create index outbox_due on orch.outbox (next_at, id) where status = 'pending';
create index outbox_lane on orch.outbox (lane, id) where status = 'pending';
create index outbox_task on orch.outbox (task_id);
alter table orch.outbox set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
comment on table  orch.outbox              is 'Effects: what the outside will see, written with the change that causes it, delivered at least once.';
comment on column orch.outbox.id           is 'Number.';
comment on column orch.outbox.task_id      is 'Task that it belongs to.';
comment on column orch.outbox.kind         is 'What is to be done.';
comment on column orch.outbox.lane         is 'Effects of one lane are delivered one after another, in order.';
comment on column orch.outbox.payload      is 'What to say or do.';
comment on column orch.outbox.node         is 'Only this node can do it; null = any.';
comment on column orch.outbox.status       is 'pending, done, dead (gave up) or skipped (no channel, or no longer wanted).';
comment on column orch.outbox.attempts     is 'Attempts so far.';
comment on column orch.outbox.next_at      is 'Not before this time.';
comment on column orch.outbox.token        is 'Fence of the attempt under way.';
comment on column orch.outbox.holder       is 'Node that makes that attempt.';
comment on column orch.outbox.locked_until is 'Until when that attempt is believed to be alive.';
comment on column orch.outbox.last_error   is 'Why the last attempt failed, or why it was skipped.';
comment on column orch.outbox.result       is 'What the other side answered.';
comment on column orch.outbox.created_at   is 'When it was caused.';
comment on column orch.outbox.ended_at     is 'When it was done, dead or skipped.';

create table orch.tracker_messages (
    task_id    bigint not null references orch.tasks,
    channel    text   not null,
    kind       text   not null,
    message_id text   not null,
    updated_at timestamptz not null default now(),
    primary key (task_id, channel, kind)
);
comment on table  orch.tracker_messages            is 'Messages that are edited in place, such as a task''s live card.';
comment on column orch.tracker_messages.task_id    is 'Task.';
comment on column orch.tracker_messages.channel    is 'Messenger.';
comment on column orch.tracker_messages.kind       is 'Which message.';
comment on column orch.tracker_messages.message_id is 'Its id there.';
comment on column orch.tracker_messages.updated_at is 'When it was sent or edited last.';

create table orch.ci_statuses (
    repo       text        not null,
    sha        text        not null,
    context    text        not null,
    state      text        not null,
    changed_at timestamptz not null,
    target_url text,
    primary key (repo, sha, context)
);
comment on table  orch.ci_statuses            is 'Newest commit status per context, as the forge reported it.';
comment on column orch.ci_statuses.repo       is 'owner/name.';
comment on column orch.ci_statuses.sha        is 'Commit.';
comment on column orch.ci_statuses.context    is 'Which check.';
comment on column orch.ci_statuses.state      is 'pending, success, error, failure, warning or skipped.';
comment on column orch.ci_statuses.changed_at is 'When, by the forge''s clock.';
comment on column orch.ci_statuses.target_url is 'Where people can read more.';

create table orch.repo_freeze (
    repo      text primary key,
    reason    text        not null,
    frozen_at timestamptz not null default now(),
    frozen_by text        not null default session_user
);
comment on table  orch.repo_freeze           is 'Repositories that take no new tasks.';
comment on column orch.repo_freeze.repo      is 'owner/name.';
comment on column orch.repo_freeze.reason    is 'Why.';
comment on column orch.repo_freeze.frozen_at is 'Since when.';
comment on column orch.repo_freeze.frozen_by is 'By whom.';

create table orch.merge_leases (
    repo     text primary key,
    task_id  bigint      not null unique references orch.tasks,
    taken_at timestamptz not null default now()
);
comment on table  orch.merge_leases          is 'Who may merge and deploy in a repository: one task at a time.';
comment on column orch.merge_leases.repo     is 'owner/name.';
comment on column orch.merge_leases.task_id  is 'Holder.';
comment on column orch.merge_leases.taken_at is 'Since when.';

create table orch.deploys (
    id           bigint generated always as identity primary key,
    task_id      bigint      not null references orch.tasks,
    repo         text        not null,
    phase        text        not null default 'A' check (phase in ('A', 'B', 'C')),
    parked_at    timestamptz not null default now(),
    confirmed_at timestamptz,
    confirmed_by text,
    initiated_at timestamptz,
    finished_at  timestamptz,
    verdict      text check (verdict in ('SUCCESS', 'FAILED', 'CANCELLED')),
    detail       text,
    check ((phase = 'C') = (finished_at is not null)),
    check ((finished_at is null) = (verdict is null))
);
create unique index deploys_one_open on orch.deploys (task_id) where finished_at is null;
comment on table  orch.deploys              is 'Deploys: A parked, B initiated, C finished.';
comment on column orch.deploys.id           is 'Number.';
comment on column orch.deploys.task_id      is 'Task.';
comment on column orch.deploys.repo         is 'owner/name.';
comment on column orch.deploys.phase        is 'A waits for Confirm Deploy, B has begun and cannot be torn apart, C has ended.';
comment on column orch.deploys.parked_at    is 'When it began to wait.';
comment on column orch.deploys.confirmed_at is 'When it was confirmed.';
comment on column orch.deploys.confirmed_by is 'By whom.';
comment on column orch.deploys.initiated_at is 'When the irreversible part began.';
comment on column orch.deploys.finished_at  is 'When it ended.';
comment on column orch.deploys.verdict      is 'SUCCESS, FAILED or CANCELLED (parked when the task was stopped).';
comment on column orch.deploys.detail       is 'Why.';
