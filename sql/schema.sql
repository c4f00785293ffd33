-- Written by tools/dump-schema: what sql/ amounts to in a database. A picture to read and compare, not a file to run.

CREATE SCHEMA orch;
COMMENT ON SCHEMA orch IS 'orchd: tasks, their jobs and runs, and the effects that the outside sees. Start with: select * from orch.active';

CREATE TABLE orch.jobs (
    id bigint NOT NULL,
    agent text NOT NULL,
    repo text,
    task_id bigint,
    stage text,
    content text DEFAULT ''::text NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    status text DEFAULT 'queued'::text NOT NULL,
    held text,
    run_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    max_attempts integer DEFAULT 2 NOT NULL,
    transients integer DEFAULT 0 NOT NULL,
    run_id bigint,
    node text,
    error text,
    unique_key text,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    held_by text,
    limit_key text,
    CONSTRAINT jobs_agent_check CHECK (((length(agent) >= 1) AND (length(agent) <= 64))),
    CONSTRAINT jobs_check CHECK (((status = ANY (ARRAY['done'::text, 'failed'::text, 'cancelled'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT jobs_check1 CHECK (((status = 'running'::text) <= (run_id IS NOT NULL))),
    CONSTRAINT jobs_check2 CHECK (((task_id IS NULL) OR (stage IS NOT NULL))),
    CONSTRAINT jobs_check3 CHECK (((held IS NULL) = (held_by IS NULL))),
    CONSTRAINT jobs_limit_key_check CHECK (((length(limit_key) >= 1) AND (length(limit_key) <= 200))),
    CONSTRAINT jobs_max_attempts_check CHECK (((max_attempts >= 1) AND (max_attempts <= 100))),
    CONSTRAINT jobs_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'done'::text, 'failed'::text, 'cancelled'::text]))),
    CONSTRAINT jobs_unique_key_check CHECK (((length(unique_key) >= 1) AND (length(unique_key) <= 200)))
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.005', autovacuum_vacuum_threshold='5000', autovacuum_vacuum_cost_delay='0', autovacuum_analyze_scale_factor='0.02', autovacuum_analyze_threshold='5000');
COMMENT ON TABLE orch.jobs IS 'The queue. Status is what is wanted; the run is what physically is.';
COMMENT ON COLUMN orch.jobs.id IS 'Number of the job.';
COMMENT ON COLUMN orch.jobs.agent IS 'Kind of the job: the name of a configured command.';
COMMENT ON COLUMN orch.jobs.repo IS 'Repository that the job works on; may be null.';
COMMENT ON COLUMN orch.jobs.task_id IS 'Task that the job belongs to; may be null.';
COMMENT ON COLUMN orch.jobs.stage IS 'Stage of the task that the job serves.';
COMMENT ON COLUMN orch.jobs.content IS 'What is to be done, for the agent to read.';
COMMENT ON COLUMN orch.jobs.priority IS 'Higher runs first.';
COMMENT ON COLUMN orch.jobs.status IS 'queued, running, done, failed or cancelled.';
COMMENT ON COLUMN orch.jobs.held IS 'Why a queued job waits, in words; null = it may be claimed at run_at.';
COMMENT ON COLUMN orch.jobs.run_at IS 'Not before this time.';
COMMENT ON COLUMN orch.jobs.attempts IS 'Attempts used, the running one included.';
COMMENT ON COLUMN orch.jobs.max_attempts IS 'Attempts allowed.';
COMMENT ON COLUMN orch.jobs.transients IS 'Transient failures so far; they use no attempt.';
COMMENT ON COLUMN orch.jobs.run_id IS 'Run of the last claim: the fence. A job without a task gets its row in orch.agent_runs when its process starts.';
COMMENT ON COLUMN orch.jobs.node IS 'Node of that run.';
COMMENT ON COLUMN orch.jobs.error IS 'What went wrong last.';
COMMENT ON COLUMN orch.jobs.unique_key IS 'At most one queued or running job has this key.';
COMMENT ON COLUMN orch.jobs.tags IS 'Free words for finding the job again.';
COMMENT ON COLUMN orch.jobs.created_at IS 'When it was enqueued.';
COMMENT ON COLUMN orch.jobs.started_at IS 'When it was claimed last.';
COMMENT ON COLUMN orch.jobs.finished_at IS 'When it ended.';
COMMENT ON COLUMN orch.jobs.held_by IS 'The rule that holds it: task, pause <kind> <name> or limit <kind> <name>; null = none.';
COMMENT ON COLUMN orch.jobs.limit_key IS 'Key whose limit it counts against; null = none.';

CREATE TABLE orch.tasks (
    id bigint NOT NULL,
    project_id bigint NOT NULL,
    repo text NOT NULL,
    plane_id text NOT NULL,
    plane_issue_id text NOT NULL,
    work_item text NOT NULL,
    title text NOT NULL,
    description text,
    branch text NOT NULL,
    stage text DEFAULT 'created'::text NOT NULL,
    stage_since timestamp with time zone DEFAULT now() NOT NULL,
    attention text,
    attention_reason text,
    base_sha text,
    head_sha text,
    pull_number bigint,
    brd_review_started_at timestamp with time zone,
    brd_review_ended_at timestamp with time zone,
    cancel_requested_at timestamp with time zone,
    cancel_reason text,
    cancel_via text,
    cancel_actor text,
    cancelled_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    files jsonb DEFAULT '{}'::jsonb NOT NULL,
    stage_files jsonb DEFAULT '{}'::jsonb,
    cancel_heard_at timestamp with time zone,
    evidence jsonb DEFAULT '{}'::jsonb NOT NULL,
    ci_asked_at timestamp with time zone,
    ci_error text,
    attention_said text,
    CONSTRAINT tasks_attention_check CHECK ((attention = ANY (ARRAY['needs_input'::text, 'blocked'::text]))),
    CONSTRAINT tasks_check CHECK (((stage = 'cancelled'::text) = (cancelled_at IS NOT NULL))),
    CONSTRAINT tasks_check1 CHECK (((stage = ANY (ARRAY['done'::text, 'cancelled'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT tasks_check2 CHECK (((stage = 'cancelled'::text) = (work_item ~~ '%#cancelled-%'::text))),
    CONSTRAINT tasks_check3 CHECK (((attention IS NULL) OR (stage <> ALL (ARRAY['done'::text, 'cancelled'::text]))))
);
COMMENT ON TABLE orch.tasks IS 'One issue''s way through the pipeline.';
COMMENT ON COLUMN orch.tasks.id IS 'Number of the task, for good.';
COMMENT ON COLUMN orch.tasks.project_id IS 'Project.';
COMMENT ON COLUMN orch.tasks.repo IS 'owner/name on the forge, as it was at the start.';
COMMENT ON COLUMN orch.tasks.plane_id IS 'Key of the issue on the board: <board project>/<sequence>; tombstoned when cancelled.';
COMMENT ON COLUMN orch.tasks.plane_issue_id IS 'Id of the issue on the board; tombstoned when cancelled.';
COMMENT ON COLUMN orch.tasks.work_item IS 'PREFIX-NNN; tombstoned when cancelled.';
COMMENT ON COLUMN orch.tasks.title IS 'Title of the issue at the start.';
COMMENT ON COLUMN orch.tasks.description IS 'Text of the issue at the start.';
COMMENT ON COLUMN orch.tasks.branch IS 'Feature branch of the task.';
COMMENT ON COLUMN orch.tasks.stage IS 'Where the task is.';
COMMENT ON COLUMN orch.tasks.stage_since IS 'Since when it is there.';
COMMENT ON COLUMN orch.tasks.attention IS 'needs_input or blocked: no job runs until a person acts; null = going on.';
COMMENT ON COLUMN orch.tasks.attention_reason IS 'Why.';
COMMENT ON COLUMN orch.tasks.base_sha IS 'Commit of the default branch from which the branch was made.';
COMMENT ON COLUMN orch.tasks.head_sha IS 'Newest known commit of the branch.';
COMMENT ON COLUMN orch.tasks.pull_number IS 'Number of the pull request on the forge.';
COMMENT ON COLUMN orch.tasks.brd_review_started_at IS 'Review clock: since when a person was asked to approve the analysis.';
COMMENT ON COLUMN orch.tasks.brd_review_ended_at IS 'Review clock: when the person answered, or STOP ended it.';
COMMENT ON COLUMN orch.tasks.cancel_requested_at IS 'A STOP that waits for the critical window to close.';
COMMENT ON COLUMN orch.tasks.cancel_reason IS 'Why STOP was asked for.';
COMMENT ON COLUMN orch.tasks.cancel_via IS 'Door of the STOP: board, http, orchctl or psql.';
COMMENT ON COLUMN orch.tasks.cancel_actor IS 'Who asked.';
COMMENT ON COLUMN orch.tasks.cancelled_at IS 'When STOP took effect.';
COMMENT ON COLUMN orch.tasks.created_at IS 'When the task began.';
COMMENT ON COLUMN orch.tasks.finished_at IS 'When it became terminal.';
COMMENT ON COLUMN orch.tasks.files IS 'Blob of each file in docs/work-items/<work item>/ as the newest run left it.';
COMMENT ON COLUMN orch.tasks.stage_files IS 'Those files when the task entered its stage: a verdict with the same blob is of an earlier round. Null = nobody recorded them.';
COMMENT ON COLUMN orch.tasks.cancel_heard_at IS 'When the STOP reached orchd: the last byte of the delivery or the request, or the call; null = never.';
COMMENT ON COLUMN orch.tasks.evidence IS 'What the newest run that told of it left on the branch for the gates to judge.';
COMMENT ON COLUMN orch.tasks.ci_asked_at IS 'When the reconciler last asked the forge for the commit statuses of head_sha.';
COMMENT ON COLUMN orch.tasks.ci_error IS 'Why the forge could not be asked for the commit statuses of head_sha at the last time; null = it could.';
COMMENT ON COLUMN orch.tasks.attention_said IS 'attention_reason in the language of messages, where that is another text; null = as it is.';

CREATE TABLE orch.monitors (
    id bigint NOT NULL,
    task_id bigint NOT NULL,
    repo text NOT NULL,
    sha text,
    state text DEFAULT 'WATCHING'::text NOT NULL,
    began_at timestamp with time zone DEFAULT now() NOT NULL,
    until timestamp with time zone,
    next_at timestamp with time zone DEFAULT now() NOT NULL,
    checks integer DEFAULT 0 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    last_error text,
    checked_at timestamp with time zone,
    ended_at timestamp with time zone,
    rollback_job bigint,
    CONSTRAINT monitors_check CHECK (((state = 'WATCHING'::text) = (ended_at IS NULL))),
    CONSTRAINT monitors_state_check CHECK ((state = ANY (ARRAY['WATCHING'::text, 'HEALTHY'::text, 'DEGRADED'::text, 'SUPERSEDED'::text, 'ENDED'::text])))
);
COMMENT ON TABLE orch.monitors IS 'Watches over what was deployed, one for each deploy of a repository that has a monitor.';
COMMENT ON COLUMN orch.monitors.id IS 'Number.';
COMMENT ON COLUMN orch.monitors.task_id IS 'Task that was deployed.';
COMMENT ON COLUMN orch.monitors.repo IS 'owner/name.';
COMMENT ON COLUMN orch.monitors.sha IS 'Commit that was deployed.';
COMMENT ON COLUMN orch.monitors.state IS 'WATCHING; HEALTHY: its window is over and the last check was good; DEGRADED: too many checks failed in a row; SUPERSEDED: the next deploy began; ENDED: the agents file has no monitor for the repository any more.';
COMMENT ON COLUMN orch.monitors.began_at IS 'When the task was done.';
COMMENT ON COLUMN orch.monitors.until IS 'End of its window; null before the first check.';
COMMENT ON COLUMN orch.monitors.next_at IS 'When the next check is due.';
COMMENT ON COLUMN orch.monitors.checks IS 'Checks made.';
COMMENT ON COLUMN orch.monitors.failures IS 'Checks that failed in a row, the last one included.';
COMMENT ON COLUMN orch.monitors.last_error IS 'Why the last check that failed did so.';
COMMENT ON COLUMN orch.monitors.checked_at IS 'When the last check was made.';
COMMENT ON COLUMN orch.monitors.ended_at IS 'When it ended; null = it watches.';
COMMENT ON COLUMN orch.monitors.rollback_job IS 'Job of the rollback command that was queued when it was degraded.';

CREATE TABLE orch.outbox (
    id bigint NOT NULL,
    task_id bigint,
    kind text NOT NULL,
    lane text NOT NULL,
    payload jsonb DEFAULT '{}'::jsonb NOT NULL,
    node text,
    status text DEFAULT 'pending'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone DEFAULT now() NOT NULL,
    token uuid,
    holder text,
    locked_until timestamp with time zone,
    last_error text,
    result jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT outbox_check CHECK (((status = 'pending'::text) = (ended_at IS NULL))),
    CONSTRAINT outbox_kind_check CHECK ((kind = ANY (ARRAY['board_comment'::text, 'board_status'::text, 'alert'::text, 'card'::text, 'task_start'::text, 'pull_open'::text, 'merge_check'::text, 'pull_merge'::text, 'archive'::text, 'worktree_remove'::text, 'branch_delete'::text]))),
    CONSTRAINT outbox_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'done'::text, 'dead'::text, 'skipped'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='500');
COMMENT ON TABLE orch.outbox IS 'Effects: what the outside will see, written with the change that causes it, delivered at least once.';
COMMENT ON COLUMN orch.outbox.id IS 'Number.';
COMMENT ON COLUMN orch.outbox.task_id IS 'Task that it belongs to.';
COMMENT ON COLUMN orch.outbox.kind IS 'What is to be done.';
COMMENT ON COLUMN orch.outbox.lane IS 'Effects of one lane are delivered one after another, in order.';
COMMENT ON COLUMN orch.outbox.payload IS 'What to say or do.';
COMMENT ON COLUMN orch.outbox.node IS 'Only this node can do it; null = any.';
COMMENT ON COLUMN orch.outbox.status IS 'pending, done, dead (gave up) or skipped (no channel, or no longer wanted).';
COMMENT ON COLUMN orch.outbox.attempts IS 'Attempts so far.';
COMMENT ON COLUMN orch.outbox.next_at IS 'Not before this time.';
COMMENT ON COLUMN orch.outbox.token IS 'Fence of the attempt under way.';
COMMENT ON COLUMN orch.outbox.holder IS 'Node that makes that attempt.';
COMMENT ON COLUMN orch.outbox.locked_until IS 'Until when that attempt is believed to be alive.';
COMMENT ON COLUMN orch.outbox.last_error IS 'Why the last attempt failed, or why it was skipped.';
COMMENT ON COLUMN orch.outbox.result IS 'What the other side answered.';
COMMENT ON COLUMN orch.outbox.created_at IS 'When it was caused.';
COMMENT ON COLUMN orch.outbox.ended_at IS 'When it was done, dead or skipped.';

CREATE TABLE orch.schedules (
    name text NOT NULL,
    cron text NOT NULL,
    time_zone text DEFAULT 'UTC'::text NOT NULL,
    agent text NOT NULL,
    content text DEFAULT ''::text NOT NULL,
    repo text,
    priority integer DEFAULT 0 NOT NULL,
    max_attempts integer,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    missed text DEFAULT 'once'::text NOT NULL,
    next_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone,
    last_job_id bigint,
    failed text,
    failed_at timestamp with time zone,
    set_at timestamp with time zone DEFAULT now() NOT NULL,
    set_by text DEFAULT SESSION_USER NOT NULL,
    CONSTRAINT schedules_agent_check CHECK ((agent ~ '^[A-Za-z0-9._-]{1,64}$'::text)),
    CONSTRAINT schedules_check CHECK (((failed IS NULL) = (failed_at IS NULL))),
    CONSTRAINT schedules_max_attempts_check CHECK (((max_attempts >= 1) AND (max_attempts <= 100))),
    CONSTRAINT schedules_missed_check CHECK ((missed = ANY (ARRAY['once'::text, 'skip'::text, 'all'::text]))),
    CONSTRAINT schedules_name_check CHECK ((name ~ '^[A-Za-z0-9._/-]{1,100}$'::text))
);
COMMENT ON TABLE orch.schedules IS 'Jobs that are enqueued by the clock.';
COMMENT ON COLUMN orch.schedules.name IS 'Name.';
COMMENT ON COLUMN orch.schedules.cron IS 'Minute, hour, day of month, month and day of week, as in crontab(5).';
COMMENT ON COLUMN orch.schedules.time_zone IS 'Time zone in which cron is read.';
COMMENT ON COLUMN orch.schedules.agent IS 'Agent of its jobs.';
COMMENT ON COLUMN orch.schedules.content IS 'Content of its jobs.';
COMMENT ON COLUMN orch.schedules.repo IS 'Repository of its jobs.';
COMMENT ON COLUMN orch.schedules.priority IS 'Priority of its jobs.';
COMMENT ON COLUMN orch.schedules.max_attempts IS 'Attempts of its jobs; null = the setting.';
COMMENT ON COLUMN orch.schedules.tags IS 'Tags of its jobs.';
COMMENT ON COLUMN orch.schedules.missed IS 'What becomes of ticks that nobody was there for: once (one job for all of them), skip or all (a job each, the newest hundred).';
COMMENT ON COLUMN orch.schedules.next_at IS 'Next tick; a past one is due.';
COMMENT ON COLUMN orch.schedules.last_at IS 'Last tick that enqueued a job.';
COMMENT ON COLUMN orch.schedules.last_job_id IS 'That job.';
COMMENT ON COLUMN orch.schedules.failed IS 'Why it could not fire; null = it could.';
COMMENT ON COLUMN orch.schedules.failed_at IS 'When that was tried last.';
COMMENT ON COLUMN orch.schedules.set_at IS 'When the schedule was set.';
COMMENT ON COLUMN orch.schedules.set_by IS 'By whom.';

CREATE TABLE orch.events (
    id bigint NOT NULL,
    source text NOT NULL,
    delivery_key text NOT NULL,
    kind text NOT NULL,
    facts jsonb NOT NULL,
    body text NOT NULL,
    status text DEFAULT 'received'::text NOT NULL,
    reason text,
    task_id bigint,
    attempts integer DEFAULT 0 NOT NULL,
    next_try_at timestamp with time zone,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    routed_at timestamp with time zone,
    heard_at timestamp with time zone,
    CONSTRAINT events_source_check CHECK ((source = ANY (ARRAY['plane'::text, 'gitea'::text, 'github'::text, 'poll'::text]))),
    CONSTRAINT events_status_check CHECK ((status = ANY (ARRAY['received'::text, 'routed'::text, 'ignored'::text, 'failed'::text, 'waiting'::text])))
);
COMMENT ON TABLE orch.events IS 'Inbound deliveries, one row each.';
COMMENT ON COLUMN orch.events.id IS 'Number, in order of arrival.';
COMMENT ON COLUMN orch.events.source IS 'plane, gitea, github or poll.';
COMMENT ON COLUMN orch.events.delivery_key IS 'What makes a repeated delivery known: digest of the body for plane, delivery id for a forge.';
COMMENT ON COLUMN orch.events.kind IS 'Name of the event at its source.';
COMMENT ON COLUMN orch.events.facts IS 'What routing reads, in one form whatever the source''s spelling.';
COMMENT ON COLUMN orch.events.body IS 'The body as it was signed.';
COMMENT ON COLUMN orch.events.status IS 'routed, ignored, failed (will be tried again while next_try_at is set) or waiting (for statuses from the board).';
COMMENT ON COLUMN orch.events.reason IS 'What it led to, or why it did not.';
COMMENT ON COLUMN orch.events.task_id IS 'Task that it touched.';
COMMENT ON COLUMN orch.events.attempts IS 'Attempts at routing.';
COMMENT ON COLUMN orch.events.next_try_at IS 'When routing is tried again.';
COMMENT ON COLUMN orch.events.received_at IS 'When it was stored.';
COMMENT ON COLUMN orch.events.routed_at IS 'When routing ended.';
COMMENT ON COLUMN orch.events.heard_at IS 'When its last byte was in, by the clock of the node that took it; null = the node did not say.';

CREATE TABLE orch.projects (
    id bigint NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    repo text NOT NULL,
    clone_url text NOT NULL,
    default_branch text DEFAULT 'main'::text NOT NULL,
    plane_workspace text NOT NULL,
    plane_project_id text NOT NULL,
    board_actor text,
    states_read_at timestamp with time zone,
    states_wanted_at timestamp with time zone DEFAULT now(),
    states_error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    markers text[] DEFAULT '{}'::text[] NOT NULL,
    polled_at timestamp with time zone,
    polled_to timestamp with time zone DEFAULT now() NOT NULL,
    poll_error text,
    CONSTRAINT projects_clone_url_check CHECK ((clone_url !~ '^[a-z+]+://[^/@]*:[^/@]*@'::text)),
    CONSTRAINT projects_default_branch_check CHECK ((default_branch <> ''::text)),
    CONSTRAINT projects_prefix_check CHECK ((prefix ~ '^[A-Z][A-Z0-9_]{0,19}$'::text)),
    CONSTRAINT projects_repo_check CHECK ((repo ~ '^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$'::text))
);
COMMENT ON TABLE orch.projects IS 'Ties a board project to a repository on the forge, its default branch and its prefix.';
COMMENT ON COLUMN orch.projects.id IS 'Number of the project.';
COMMENT ON COLUMN orch.projects.name IS 'Name for people.';
COMMENT ON COLUMN orch.projects.prefix IS 'Prefix of work items: ORCH in ORCH-042.';
COMMENT ON COLUMN orch.projects.repo IS 'owner/name on the forge.';
COMMENT ON COLUMN orch.projects.clone_url IS 'Where git fetches from and pushes to; without a password, which is the node''s own setting.';
COMMENT ON COLUMN orch.projects.default_branch IS 'Branch that only a merge through the forge moves.';
COMMENT ON COLUMN orch.projects.plane_workspace IS 'Slug of the workspace on the board.';
COMMENT ON COLUMN orch.projects.plane_project_id IS 'Id of the project on the board.';
COMMENT ON COLUMN orch.projects.board_actor IS 'Board user of our own API key: its changes are ours coming back.';
COMMENT ON COLUMN orch.projects.states_read_at IS 'When the statuses were read from the board last.';
COMMENT ON COLUMN orch.projects.states_wanted_at IS 'Since when somebody wants them read again; null = nobody.';
COMMENT ON COLUMN orch.projects.states_error IS 'Why the last reading failed.';
COMMENT ON COLUMN orch.projects.created_at IS 'When the project was added.';
COMMENT ON COLUMN orch.projects.markers IS 'Paths that the default branch must hold after each merge: the integrity guard. Empty = it looks for none.';
COMMENT ON COLUMN orch.projects.polled_at IS 'When the board was last asked for changed issues.';
COMMENT ON COLUMN orch.projects.polled_to IS 'Newest change of an issue that the poll has seen, by the board''s clock. What is older than the project is nobody''s gesture to us.';
COMMENT ON COLUMN orch.projects.poll_error IS 'Why the last such poll came to nothing; null = it did not.';

CREATE TABLE orch.agent_runs (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    task_id bigint,
    agent text NOT NULL,
    stage text,
    node text NOT NULL,
    incarnation uuid NOT NULL,
    attempt integer NOT NULL,
    claimed_at timestamp with time zone DEFAULT now() NOT NULL,
    pid integer,
    pid_start text,
    boot_id text,
    log_path text,
    started_at timestamp with time zone,
    stop_at timestamp with time zone,
    term_at timestamp with time zone,
    kill_at timestamp with time zone,
    gone_at timestamp with time zone,
    tree_size integer,
    ended_at timestamp with time zone,
    outcome text,
    exit_status integer,
    signal integer,
    message text,
    head_sha text,
    tokens_in bigint,
    tokens_out bigint,
    tokens_cache bigint,
    cost_usd numeric(12,6),
    cgroup text,
    detached_until timestamp with time zone,
    CONSTRAINT agent_runs_check CHECK (((outcome IS NULL) = (ended_at IS NULL))),
    CONSTRAINT agent_runs_outcome_check CHECK ((outcome = ANY (ARRAY['ok'::text, 'failed'::text, 'timeout'::text, 'stopped'::text, 'lost'::text, 'released'::text, 'transient'::text, 'unstartable'::text])))
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='5000');
COMMENT ON TABLE orch.agent_runs IS 'One physical attempt each: a process tree on a node. Open while ended_at is null.';
COMMENT ON COLUMN orch.agent_runs.id IS 'Number of the run: the fence.';
COMMENT ON COLUMN orch.agent_runs.job_id IS 'Job.';
COMMENT ON COLUMN orch.agent_runs.task_id IS 'Task of the job.';
COMMENT ON COLUMN orch.agent_runs.agent IS 'Agent.';
COMMENT ON COLUMN orch.agent_runs.stage IS 'Stage that the job served.';
COMMENT ON COLUMN orch.agent_runs.node IS 'Node.';
COMMENT ON COLUMN orch.agent_runs.incarnation IS 'Which start of the node.';
COMMENT ON COLUMN orch.agent_runs.attempt IS 'Which attempt of the job.';
COMMENT ON COLUMN orch.agent_runs.claimed_at IS 'When the job was claimed.';
COMMENT ON COLUMN orch.agent_runs.pid IS 'Process id of the warden at the root of the tree.';
COMMENT ON COLUMN orch.agent_runs.pid_start IS 'Its start time in /proc, so that a reused number is known.';
COMMENT ON COLUMN orch.agent_runs.boot_id IS 'Boot of the host.';
COMMENT ON COLUMN orch.agent_runs.log_path IS 'Log file on the node.';
COMMENT ON COLUMN orch.agent_runs.started_at IS 'When the command was executed.';
COMMENT ON COLUMN orch.agent_runs.stop_at IS 'When it was asked to stop: the STOP heard of, also by a delivery that could only be routed later; a deferred one applied; else the call.';
COMMENT ON COLUMN orch.agent_runs.term_at IS 'When SIGTERM was sent to the tree.';
COMMENT ON COLUMN orch.agent_runs.kill_at IS 'When SIGKILL was sent to the tree.';
COMMENT ON COLUMN orch.agent_runs.gone_at IS 'When no process of the tree was left.';
COMMENT ON COLUMN orch.agent_runs.tree_size IS 'Processes that the stop cascade found.';
COMMENT ON COLUMN orch.agent_runs.ended_at IS 'When the run was closed.';
COMMENT ON COLUMN orch.agent_runs.outcome IS 'ok, failed, timeout, stopped, lost, released, transient or unstartable.';
COMMENT ON COLUMN orch.agent_runs.exit_status IS 'Exit status of the command; null = a signal ended it.';
COMMENT ON COLUMN orch.agent_runs.signal IS 'Signal that ended it.';
COMMENT ON COLUMN orch.agent_runs.message IS 'Its own message, or why it failed.';
COMMENT ON COLUMN orch.agent_runs.head_sha IS 'Branch head after the run.';
COMMENT ON COLUMN orch.agent_runs.tokens_in IS 'Tokens read.';
COMMENT ON COLUMN orch.agent_runs.tokens_out IS 'Tokens written.';
COMMENT ON COLUMN orch.agent_runs.tokens_cache IS 'Tokens from the cache.';
COMMENT ON COLUMN orch.agent_runs.cost_usd IS 'Cost in US dollars.';
COMMENT ON COLUMN orch.agent_runs.cgroup IS 'Directory of the control group that holds its processes; null = its warden alone holds them.';
COMMENT ON COLUMN orch.agent_runs.detached_until IS 'The command runs detached: it outlives its orchd, whose next start goes on watching it, and has ended by then. null = it ends with its orchd.';

CREATE TABLE orch.merge_leases (
    repo text NOT NULL,
    task_id bigint NOT NULL,
    taken_at timestamp with time zone DEFAULT now() NOT NULL
);
COMMENT ON TABLE orch.merge_leases IS 'Who may merge and deploy in a repository: one task at a time.';
COMMENT ON COLUMN orch.merge_leases.repo IS 'owner/name.';
COMMENT ON COLUMN orch.merge_leases.task_id IS 'Holder.';
COMMENT ON COLUMN orch.merge_leases.taken_at IS 'Since when.';

CREATE VIEW orch.why AS
 SELECT t.id AS task_id,
    t.stage,
    (now() - t.stage_since) AS age,
    t.work_item,
        CASE
            WHEN (t.cancel_requested_at IS NOT NULL) THEN (format('STOP by %s (asked %s) is '::text, t.cancel_actor, to_char(t.cancel_requested_at, 'HH24:MI:SS'::text)) || COALESCE(('deferred until this has ended: '::text || orch.critical_reason(t.id)), 'about to be applied by the next sweep'::text))
            WHEN ((r.id IS NOT NULL) AND (j.status = 'running'::text)) THEN
            CASE
                WHEN (r.started_at IS NULL) THEN format('job %s was claimed by %s and is about to start'::text, j.id, r.node)
                ELSE format('%s works on %s since %s (job %s, run %s, attempt %s)'::text, j.agent, r.node, to_char(r.started_at, 'HH24:MI:SS'::text), j.id, r.id, r.attempt)
            END
            WHEN ((j.status = 'queued'::text) AND (j.held IS NOT NULL)) THEN j.held
            WHEN ((j.status = 'queued'::text) AND (j.run_at > now())) THEN format('retry at %s after: %s'::text, to_char(j.run_at, 'HH24:MI:SS'::text), COALESCE(j.error, 'no error'::text))
            WHEN (j.status = 'queued'::text) THEN COALESCE(orch.not_taken(j.agent), format('job %s waits for a free slot'::text, j.id))
            WHEN (t.attention IS NOT NULL) THEN (format('%s: %s'::text, replace(t.attention, '_'::text, ' '::text), COALESCE(t.attention_reason, 'no reason given'::text)) || deaf.words)
            WHEN (o.last_error IS NOT NULL) THEN format('effect %s (%s) is tried again at %s after: %s'::text, o.id, o.kind, to_char(o.next_at, 'HH24:MI:SS'::text), o.last_error)
            WHEN ((o.kind = 'task_start'::text) AND (ahead.id IS NOT NULL)) THEN format('the branch is made after the clean-up of task %s: effect %s (%s)%s'::text, ahead.task_id, ahead.id, ahead.kind, COALESCE((', which is tried again after: '::text || ahead.last_error), ''::text))
            WHEN (o.kind = 'task_start'::text) THEN 'the branch is being made'::text
            WHEN (o.kind = 'merge_check'::text) THEN 'the merge with the default branch is being tried'::text
            WHEN (o.kind = 'pull_merge'::text) THEN 'the pull request is being merged'::text
            WHEN ((t.stage = 'analysis'::text) AND (t.brd_review_started_at IS NOT NULL)) THEN (format('waits for a person to approve the analysis since %s'::text, to_char(t.brd_review_started_at, 'YYYY-MM-DD HH24:MI'::text)) || deaf.words)
            WHEN (t.stage = 'development'::text) THEN (format('waits for CI of %s: %s'::text, "left"(t.head_sha, 10), (orch.ci_state(t.repo, t.head_sha)).state) || COALESCE(('; the forge cannot be asked for it: '::text || t.ci_error), ''::text))
            WHEN ((t.stage = 'deploy'::text) AND (l.task_id IS DISTINCT FROM t.id)) THEN ('waits for the merge lease'::text || COALESCE((', held by '::text || ( SELECT h.work_item
               FROM orch.tasks h
              WHERE (h.id = l.task_id))), ''::text))
            WHEN (t.stage = 'deploy'::text) THEN ('parked: waits for Confirm Deploy'::text || deaf.words)
            ELSE 'nothing is queued: orch.retry_job or Rejected on the board goes on'::text
        END AS why
   FROM ((((((orch.tasks t
     LEFT JOIN LATERAL ( SELECT k.id,
            k.agent,
            k.repo,
            k.task_id,
            k.stage,
            k.content,
            k.priority,
            k.status,
            k.held,
            k.run_at,
            k.attempts,
            k.max_attempts,
            k.transients,
            k.run_id,
            k.node,
            k.error,
            k.unique_key,
            k.tags,
            k.created_at,
            k.started_at,
            k.finished_at,
            k.held_by,
            k.limit_key
           FROM orch.jobs k
          WHERE ((k.task_id = t.id) AND (k.status = ANY (ARRAY['queued'::text, 'running'::text])))
          ORDER BY k.id
         LIMIT 1) j ON (true))
     LEFT JOIN orch.agent_runs r ON (((r.id = j.run_id) AND (r.ended_at IS NULL))))
     LEFT JOIN LATERAL ( SELECT e.id,
            e.task_id,
            e.kind,
            e.lane,
            e.payload,
            e.node,
            e.status,
            e.attempts,
            e.next_at,
            e.token,
            e.holder,
            e.locked_until,
            e.last_error,
            e.result,
            e.created_at,
            e.ended_at
           FROM orch.outbox e
          WHERE ((e.task_id = t.id) AND (e.status = 'pending'::text) AND orch.moves_task(e.kind))
          ORDER BY e.id
         LIMIT 1) o ON (true))
     LEFT JOIN LATERAL ( SELECT b.id,
            b.task_id,
            b.kind,
            b.lane,
            b.payload,
            b.node,
            b.status,
            b.attempts,
            b.next_at,
            b.token,
            b.holder,
            b.locked_until,
            b.last_error,
            b.result,
            b.created_at,
            b.ended_at
           FROM orch.outbox b
          WHERE ((b.lane = o.lane) AND (b.status = 'pending'::text) AND (b.id < o.id) AND (b.task_id <> o.task_id))
          ORDER BY b.id
         LIMIT 1) ahead ON (true))
     LEFT JOIN orch.merge_leases l ON ((l.repo = t.repo)))
     LEFT JOIN LATERAL ( SELECT COALESCE(('; the board cannot be asked what people did there: '::text || COALESCE(p.poll_error, p.states_error)), ''::text) AS words
           FROM orch.projects p
          WHERE (p.id = t.project_id)) deaf ON (true))
  WHERE (t.finished_at IS NULL);
COMMENT ON VIEW orch.why IS 'Every unfinished task and the one reason why it is not further. The whole story of one: select * from orch.why(''ORCH-042'')';
COMMENT ON COLUMN orch.why.task_id IS 'Task.';
COMMENT ON COLUMN orch.why.stage IS 'Where it is.';
COMMENT ON COLUMN orch.why.age IS 'How long it has been there.';
COMMENT ON COLUMN orch.why.work_item IS 'Work item.';
COMMENT ON COLUMN orch.why.why IS 'Why it is not further.';

CREATE VIEW orch.active AS
 SELECT t.id,
    t.stage AS state,
    (now() - t.created_at) AS age,
    t.work_item,
    t.title,
    t.repo,
    r.node,
    r.pid,
    (now() - r.started_at) AS running,
    w.why
   FROM ((orch.tasks t
     JOIN orch.why w ON ((w.task_id = t.id)))
     LEFT JOIN LATERAL ( SELECT a.id,
            a.job_id,
            a.task_id,
            a.agent,
            a.stage,
            a.node,
            a.incarnation,
            a.attempt,
            a.claimed_at,
            a.pid,
            a.pid_start,
            a.boot_id,
            a.log_path,
            a.started_at,
            a.stop_at,
            a.term_at,
            a.kill_at,
            a.gone_at,
            a.tree_size,
            a.ended_at,
            a.outcome,
            a.exit_status,
            a.signal,
            a.message,
            a.head_sha,
            a.tokens_in,
            a.tokens_out,
            a.tokens_cache,
            a.cost_usd,
            a.cgroup,
            a.detached_until
           FROM orch.agent_runs a
          WHERE ((a.task_id = t.id) AND (a.ended_at IS NULL))
          ORDER BY a.id DESC
         LIMIT 1) r ON (true))
  ORDER BY t.id;
COMMENT ON VIEW orch.active IS 'Unfinished tasks: where they are, what runs for them, and why they are not further.';
COMMENT ON COLUMN orch.active.id IS 'Task.';
COMMENT ON COLUMN orch.active.state IS 'Stage.';
COMMENT ON COLUMN orch.active.age IS 'Since the task began.';
COMMENT ON COLUMN orch.active.work_item IS 'Work item.';
COMMENT ON COLUMN orch.active.title IS 'Title.';
COMMENT ON COLUMN orch.active.repo IS 'Repository.';
COMMENT ON COLUMN orch.active.node IS 'Node of the open run.';
COMMENT ON COLUMN orch.active.pid IS 'Process at the root of its tree.';
COMMENT ON COLUMN orch.active.running IS 'For how long it has been running.';
COMMENT ON COLUMN orch.active.why IS 'Why the task is not further.';

ALTER TABLE orch.agent_runs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orch.agent_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE orch.board_issues (
    issue_id text NOT NULL,
    project_id bigint NOT NULL,
    state_id text,
    changed_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    gesture_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    title text,
    description text,
    sequence bigint,
    labels text[] DEFAULT '{}'::text[] NOT NULL,
    gesture_state text,
    gestures_owed text[] DEFAULT '{}'::text[] NOT NULL
);
COMMENT ON TABLE orch.board_issues IS 'Newest known state of each issue seen on a board. A delivery is a hint: the newest update wins.';
COMMENT ON COLUMN orch.board_issues.issue_id IS 'Id of the issue on the board.';
COMMENT ON COLUMN orch.board_issues.project_id IS 'Project.';
COMMENT ON COLUMN orch.board_issues.state_id IS 'Its status on the board.';
COMMENT ON COLUMN orch.board_issues.changed_at IS 'Update time of the issue on the board, not of the delivery.';
COMMENT ON COLUMN orch.board_issues.gesture_at IS 'Update time of the newest change of status that a person made. Our own writes do not count: they must never hide a person''s.';
COMMENT ON COLUMN orch.board_issues.title IS 'Title.';
COMMENT ON COLUMN orch.board_issues.description IS 'Description as plain text.';
COMMENT ON COLUMN orch.board_issues.sequence IS 'Number of the issue in its project.';
COMMENT ON COLUMN orch.board_issues.labels IS 'Names of its labels.';
COMMENT ON COLUMN orch.board_issues.gesture_state IS 'Status that this change set.';
COMMENT ON COLUMN orch.board_issues.gestures_owed IS 'Statuses whose change was seen by its result; the deliveries that name these changes are still to come, and are no changes of their own.';

CREATE TABLE orch.board_states (
    project_id bigint NOT NULL,
    state_id text NOT NULL,
    name text NOT NULL,
    state_group text NOT NULL,
    key text
);
COMMENT ON TABLE orch.board_states IS 'Statuses of a project as read from its board.';
COMMENT ON COLUMN orch.board_states.project_id IS 'Project.';
COMMENT ON COLUMN orch.board_states.state_id IS 'Id on the board.';
COMMENT ON COLUMN orch.board_states.name IS 'Name on the board, as people wrote it.';
COMMENT ON COLUMN orch.board_states.state_group IS 'Group on the board: backlog, unstarted, started, completed or cancelled.';
COMMENT ON COLUMN orch.board_states.key IS 'Logical key of the name (see orch.status_key); null = a status that means nothing to orchd.';

CREATE TABLE orch.build_cache (
    only_row boolean DEFAULT true NOT NULL,
    began_at timestamp with time zone,
    ended_at timestamp with time zone,
    node text,
    last_error text,
    runs bigint DEFAULT 0 NOT NULL,
    CONSTRAINT build_cache_only_row_check CHECK (only_row)
);
COMMENT ON TABLE orch.build_cache IS 'The pruner of build caches: its one row.';
COMMENT ON COLUMN orch.build_cache.only_row IS 'Always true: there is one row.';
COMMENT ON COLUMN orch.build_cache.began_at IS 'When the last pruning began; null = there was none.';
COMMENT ON COLUMN orch.build_cache.ended_at IS 'When the last pruning ended; null while it is under way.';
COMMENT ON COLUMN orch.build_cache.node IS 'Node that pruned last.';
COMMENT ON COLUMN orch.build_cache.last_error IS 'Why nothing was pruned at the last time; null = it was.';
COMMENT ON COLUMN orch.build_cache.runs IS 'Prunings that went well.';

CREATE TABLE orch.channels (
    channel text NOT NULL,
    tokens numeric DEFAULT 1 NOT NULL,
    filled_at timestamp with time zone DEFAULT now() NOT NULL,
    quiet_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT channels_channel_check CHECK ((channel = ANY (ARRAY['chat'::text, 'board'::text])))
);
COMMENT ON TABLE orch.channels IS 'Channels of effects whose other side limits how much it is asked, whatever the node.';
COMMENT ON COLUMN orch.channels.channel IS 'chat: the messenger; board.';
COMMENT ON COLUMN orch.channels.tokens IS 'Messages that may be sent at once, as of filled_at.';
COMMENT ON COLUMN orch.channels.filled_at IS 'When tokens was counted.';
COMMENT ON COLUMN orch.channels.quiet_until IS 'The other side asked for patience (Retry-After): nothing is sent there before.';

CREATE TABLE orch.ci_statuses (
    repo text NOT NULL,
    sha text NOT NULL,
    context text NOT NULL,
    state text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    target_url text
);
COMMENT ON TABLE orch.ci_statuses IS 'Newest commit status per context, as the forge reported it.';
COMMENT ON COLUMN orch.ci_statuses.repo IS 'owner/name.';
COMMENT ON COLUMN orch.ci_statuses.sha IS 'Commit.';
COMMENT ON COLUMN orch.ci_statuses.context IS 'Which check.';
COMMENT ON COLUMN orch.ci_statuses.state IS 'pending, success, error, failure, warning or skipped.';
COMMENT ON COLUMN orch.ci_statuses.changed_at IS 'When, by the forge''s clock.';
COMMENT ON COLUMN orch.ci_statuses.target_url IS 'Where people can read more.';

CREATE VIEW orch.costs AS
 SELECT orch.original_key(t.work_item) AS work_item,
    (date_trunc('day'::text, r.claimed_at))::date AS day,
    count(*) AS runs,
    sum((r.ended_at - r.started_at)) AS "time",
    sum(r.tokens_in) AS tokens_in,
    sum(r.tokens_out) AS tokens_out,
    sum(r.tokens_cache) AS tokens_cache,
    sum(r.cost_usd) AS cost_usd
   FROM (orch.agent_runs r
     LEFT JOIN orch.tasks t ON ((t.id = r.task_id)))
  GROUP BY (orch.original_key(t.work_item)), ((date_trunc('day'::text, r.claimed_at))::date);
COMMENT ON VIEW orch.costs IS 'Runs, time, tokens and cost per work item and day. Per task: select work_item, sum(cost_usd) from orch.costs group by 1';
COMMENT ON COLUMN orch.costs.work_item IS 'Work item; null = jobs without a task.';
COMMENT ON COLUMN orch.costs.day IS 'Day of the claim.';
COMMENT ON COLUMN orch.costs.runs IS 'Runs.';
COMMENT ON COLUMN orch.costs."time" IS 'Time for which their processes ran.';
COMMENT ON COLUMN orch.costs.tokens_in IS 'Tokens read.';
COMMENT ON COLUMN orch.costs.tokens_out IS 'Tokens written.';
COMMENT ON COLUMN orch.costs.tokens_cache IS 'Tokens from the cache.';
COMMENT ON COLUMN orch.costs.cost_usd IS 'Cost in US dollars.';

CREATE VIEW orch.dead_effects AS
 SELECT o.id,
    o.kind AS state,
    (now() - o.ended_at) AS age,
    orch.original_key(t.work_item) AS work_item,
    o.attempts,
    o.last_error,
    format('select orch.retry_effect(%s)'::text, o.id) AS again
   FROM (orch.outbox o
     LEFT JOIN orch.tasks t ON ((t.id = o.task_id)))
  WHERE (o.status = 'dead'::text)
  ORDER BY o.id;
COMMENT ON VIEW orch.dead_effects IS 'Effects that gave up, why, and the line that tries again.';
COMMENT ON COLUMN orch.dead_effects.id IS 'Effect.';
COMMENT ON COLUMN orch.dead_effects.state IS 'What was to be done.';
COMMENT ON COLUMN orch.dead_effects.age IS 'Since it gave up.';
COMMENT ON COLUMN orch.dead_effects.work_item IS 'Work item.';
COMMENT ON COLUMN orch.dead_effects.attempts IS 'Attempts made.';
COMMENT ON COLUMN orch.dead_effects.last_error IS 'Why the last one failed.';
COMMENT ON COLUMN orch.dead_effects.again IS 'Line for psql that tries again.';

CREATE TABLE orch.deploys (
    id bigint NOT NULL,
    task_id bigint NOT NULL,
    repo text NOT NULL,
    phase text DEFAULT 'A'::text NOT NULL,
    parked_at timestamp with time zone DEFAULT now() NOT NULL,
    confirmed_at timestamp with time zone,
    confirmed_by text,
    initiated_at timestamp with time zone,
    finished_at timestamp with time zone,
    verdict text,
    detail text,
    checked_at timestamp with time zone,
    checked_onto text,
    CONSTRAINT deploys_check CHECK (((phase = 'C'::text) = (finished_at IS NOT NULL))),
    CONSTRAINT deploys_check1 CHECK (((finished_at IS NULL) = (verdict IS NULL))),
    CONSTRAINT deploys_phase_check CHECK ((phase = ANY (ARRAY['A'::text, 'B'::text, 'C'::text]))),
    CONSTRAINT deploys_verdict_check CHECK ((verdict = ANY (ARRAY['SUCCESS'::text, 'FAILED'::text, 'CANCELLED'::text])))
);
COMMENT ON TABLE orch.deploys IS 'Deploys: A parked, B initiated, C finished.';
COMMENT ON COLUMN orch.deploys.id IS 'Number.';
COMMENT ON COLUMN orch.deploys.task_id IS 'Task.';
COMMENT ON COLUMN orch.deploys.repo IS 'owner/name.';
COMMENT ON COLUMN orch.deploys.phase IS 'A waits for Confirm Deploy, B has begun and cannot be torn apart, C has ended.';
COMMENT ON COLUMN orch.deploys.parked_at IS 'When it began to wait.';
COMMENT ON COLUMN orch.deploys.confirmed_at IS 'When it was confirmed.';
COMMENT ON COLUMN orch.deploys.confirmed_by IS 'By whom.';
COMMENT ON COLUMN orch.deploys.initiated_at IS 'When the irreversible part began.';
COMMENT ON COLUMN orch.deploys.finished_at IS 'When it ended.';
COMMENT ON COLUMN orch.deploys.verdict IS 'SUCCESS, FAILED or CANCELLED (parked when the task was stopped).';
COMMENT ON COLUMN orch.deploys.detail IS 'Why.';
COMMENT ON COLUMN orch.deploys.checked_at IS 'When the branch was found to merge cleanly; null = it is to be tried. Confirm Deploy has it tried again.';
COMMENT ON COLUMN orch.deploys.checked_onto IS 'Commit of the default branch with which that was tried.';

ALTER TABLE orch.deploys ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orch.deploys_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE orch.disks (
    node text NOT NULL,
    path text NOT NULL,
    used_percent numeric(4,1),
    inodes_percent numeric(4,1),
    free_bytes bigint,
    error text,
    is_full boolean DEFAULT false NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT disks_check CHECK (((error IS NULL) = (used_percent IS NOT NULL)))
);
COMMENT ON TABLE orch.disks IS 'File systems that nodes watch, a row for each path.';
COMMENT ON COLUMN orch.disks.node IS 'Node that looks.';
COMMENT ON COLUMN orch.disks.path IS 'A path in the file system.';
COMMENT ON COLUMN orch.disks.used_percent IS 'Space in use, of what those without privileges may use, as df(1) counts it.';
COMMENT ON COLUMN orch.disks.inodes_percent IS 'Inodes in use; null = the file system does not count them.';
COMMENT ON COLUMN orch.disks.free_bytes IS 'Space left for those without privileges.';
COMMENT ON COLUMN orch.disks.error IS 'Why the last look came to nothing; null = it did not.';
COMMENT ON COLUMN orch.disks.is_full IS 'Whether it counts as full: since it reached the threshold, until it fell below it by more than the hysteresis.';
COMMENT ON COLUMN orch.disks.changed_at IS 'When is_full last changed.';
COMMENT ON COLUMN orch.disks.seen_at IS 'When the node looked last.';

CREATE TABLE orch.duties (
    duty text NOT NULL,
    node text NOT NULL,
    until_at timestamp with time zone NOT NULL,
    ran_at timestamp with time zone,
    failed text,
    tally jsonb DEFAULT '{}'::jsonb NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='200');
COMMENT ON TABLE orch.duties IS 'Loops of which only one node may run each. A duty moves when its node lets the time pass.';
COMMENT ON COLUMN orch.duties.duty IS 'Name of the loop.';
COMMENT ON COLUMN orch.duties.node IS 'Node that runs it.';
COMMENT ON COLUMN orch.duties.until_at IS 'Until when it is that node''s.';
COMMENT ON COLUMN orch.duties.ran_at IS 'When it ran last, to within half of that time.';
COMMENT ON COLUMN orch.duties.failed IS 'Why the last round failed; null = it did not.';
COMMENT ON COLUMN orch.duties.tally IS 'How often each thing has come of it so far, for duties that count; see orch.reconcile().';

ALTER TABLE orch.events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orch.events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE orch.job_deps (
    task_id bigint NOT NULL,
    depends_on_task_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT job_deps_check CHECK ((task_id <> depends_on_task_id))
);
COMMENT ON TABLE orch.job_deps IS 'Dependencies between tasks; no cycles.';
COMMENT ON COLUMN orch.job_deps.task_id IS 'Task that waits.';
COMMENT ON COLUMN orch.job_deps.depends_on_task_id IS 'Task that must be terminal first.';
COMMENT ON COLUMN orch.job_deps.created_at IS 'When it was added.';

CREATE TABLE orch.job_keys (
    unique_key text NOT NULL,
    job_id bigint NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE orch.job_keys IS 'Unique keys that stay taken for a period, whatever becomes of their job.';
COMMENT ON COLUMN orch.job_keys.unique_key IS 'Key.';
COMMENT ON COLUMN orch.job_keys.job_id IS 'Job that took it.';
COMMENT ON COLUMN orch.job_keys.expires_at IS 'Until when it is taken.';

ALTER TABLE orch.jobs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orch.jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE orch.limits (
    kind text NOT NULL,
    name text NOT NULL,
    at_once integer,
    per_period integer,
    period interval,
    window_from timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    window_started integer DEFAULT 0 NOT NULL,
    set_at timestamp with time zone DEFAULT now() NOT NULL,
    set_by text DEFAULT SESSION_USER NOT NULL,
    CONSTRAINT limits_at_once_check CHECK (((at_once >= 1) AND (at_once <= 1000000))),
    CONSTRAINT limits_check CHECK (((kind = 'all'::text) = (name = ''::text))),
    CONSTRAINT limits_check1 CHECK (((at_once IS NOT NULL) OR (per_period IS NOT NULL))),
    CONSTRAINT limits_check2 CHECK (((per_period IS NULL) = (period IS NULL))),
    CONSTRAINT limits_kind_check CHECK ((kind = ANY (ARRAY['all'::text, 'agent'::text, 'repo'::text, 'key'::text]))),
    CONSTRAINT limits_per_period_check CHECK (((per_period >= 1) AND (per_period <= 1000000000))),
    CONSTRAINT limits_period_check CHECK (((period >= '00:00:01'::interval) AND (period <= '366 days'::interval)))
)
WITH (fillfactor='50');
COMMENT ON TABLE orch.limits IS 'How many jobs may run at once, and how many may start in a period: for all, an agent, a repository or a key.';
COMMENT ON COLUMN orch.limits.kind IS 'all, agent, repo or key.';
COMMENT ON COLUMN orch.limits.name IS 'Which agent, repository or key; empty for all.';
COMMENT ON COLUMN orch.limits.at_once IS 'Running at once at most; null = no such limit.';
COMMENT ON COLUMN orch.limits.per_period IS 'Starts in a period at most; null = no such limit.';
COMMENT ON COLUMN orch.limits.period IS 'Length of the period. It begins with the first start after the one before has ended.';
COMMENT ON COLUMN orch.limits.window_from IS 'When the present period began.';
COMMENT ON COLUMN orch.limits.window_started IS 'Starts in the present period.';
COMMENT ON COLUMN orch.limits.set_at IS 'When the limit was set.';
COMMENT ON COLUMN orch.limits.set_by IS 'By whom.';

CREATE TABLE orch.migrations (
    version integer NOT NULL,
    name text NOT NULL,
    digest text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
COMMENT ON TABLE orch.migrations IS 'What orchd migrate has applied. Version 0 stands for the functions, views and grants, which every migrate makes anew.';
COMMENT ON COLUMN orch.migrations.version IS 'Number of the migration; 0 = functions, views and grants.';
COMMENT ON COLUMN orch.migrations.name IS 'Its file in sql/migrations/.';
COMMENT ON COLUMN orch.migrations.digest IS 'SHA-256 of the file as it was applied, in hex. A released migration is never edited.';
COMMENT ON COLUMN orch.migrations.applied_at IS 'When it was applied.';

ALTER TABLE orch.monitors ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orch.monitors_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE orch.nodes (
    node text NOT NULL,
    incarnation uuid NOT NULL,
    pid integer NOT NULL,
    slots integer NOT NULL,
    version text NOT NULL,
    lease interval NOT NULL,
    is_draining boolean DEFAULT false NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    beat_at timestamp with time zone DEFAULT now() NOT NULL,
    stopped_at timestamp with time zone,
    host text,
    agents text[],
    left_out jsonb DEFAULT '{}'::jsonb NOT NULL,
    containment text
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='200');
COMMENT ON TABLE orch.nodes IS 'orchd processes that run jobs.';
COMMENT ON COLUMN orch.nodes.node IS 'Name of the node.';
COMMENT ON COLUMN orch.nodes.incarnation IS 'This start of it: an older process of the same name is refused.';
COMMENT ON COLUMN orch.nodes.pid IS 'Process id on its host.';
COMMENT ON COLUMN orch.nodes.slots IS 'Agents at once.';
COMMENT ON COLUMN orch.nodes.version IS 'Version of orchd.';
COMMENT ON COLUMN orch.nodes.lease IS 'How long its jobs are safe without a heartbeat.';
COMMENT ON COLUMN orch.nodes.is_draining IS 'It claims no more.';
COMMENT ON COLUMN orch.nodes.started_at IS 'When it started.';
COMMENT ON COLUMN orch.nodes.beat_at IS 'Last heartbeat.';
COMMENT ON COLUMN orch.nodes.stopped_at IS 'When it left in order, or was found gone; null = alive.';
COMMENT ON COLUMN orch.nodes.host IS 'Host on which it runs: name and boot.';
COMMENT ON COLUMN orch.nodes.agents IS 'Agents that it can run; null = it has not told, and may run any.';
COMMENT ON COLUMN orch.nodes.left_out IS 'Of those, the ones of which it takes no jobs now, and why: {"<agent>": {"breaker", "preflight", "until", "why"}}.';
COMMENT ON COLUMN orch.nodes.containment IS 'What holds the processes of a run: cgroup, or its warden alone; null = the node did not say.';

CREATE VIEW orch.nodes_now AS
 SELECT n.node,
        CASE
            WHEN (n.stopped_at IS NOT NULL) THEN 'stopped'::text
            WHEN ((n.beat_at + n.lease) < now()) THEN 'gone'::text
            WHEN n.is_draining THEN 'draining'::text
            ELSE 'alive'::text
        END AS state,
    (now() - n.beat_at) AS age,
    n.slots,
    ( SELECT count(*) AS count
           FROM orch.open_runs(n.node) open_runs(run_id, job_id, task_id, incarnation, claimed_at, started_at, pid, pid_start, boot_id)) AS running,
    n.pid,
    n.version,
    n.started_at,
    n.containment
   FROM orch.nodes n
  ORDER BY n.node;
COMMENT ON VIEW orch.nodes_now IS 'Nodes and how they are.';
COMMENT ON COLUMN orch.nodes_now.node IS 'Node.';
COMMENT ON COLUMN orch.nodes_now.state IS 'alive, draining, gone or stopped.';
COMMENT ON COLUMN orch.nodes_now.age IS 'Since the last heartbeat.';
COMMENT ON COLUMN orch.nodes_now.slots IS 'Agents at once.';
COMMENT ON COLUMN orch.nodes_now.running IS 'Open runs.';
COMMENT ON COLUMN orch.nodes_now.pid IS 'Process on its host.';
COMMENT ON COLUMN orch.nodes_now.version IS 'Version of orchd.';
COMMENT ON COLUMN orch.nodes_now.started_at IS 'Start of the process.';
COMMENT ON COLUMN orch.nodes_now.containment IS 'What holds the processes of a run: cgroup, or its warden alone; null = the node did not say.';

ALTER TABLE orch.outbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orch.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE orch.pauses (
    kind text NOT NULL,
    name text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    paused_at timestamp with time zone DEFAULT now() NOT NULL,
    paused_by text DEFAULT SESSION_USER NOT NULL,
    CONSTRAINT pauses_check CHECK (((kind = 'all'::text) = (name = ''::text))),
    CONSTRAINT pauses_kind_check CHECK ((kind = ANY (ARRAY['all'::text, 'agent'::text, 'repo'::text])))
);
COMMENT ON TABLE orch.pauses IS 'Agents and repositories whose queued jobs wait until orch.resume().';
COMMENT ON COLUMN orch.pauses.kind IS 'all, agent or repo.';
COMMENT ON COLUMN orch.pauses.name IS 'Which agent or repository; empty for all.';
COMMENT ON COLUMN orch.pauses.reason IS 'Why.';
COMMENT ON COLUMN orch.pauses.paused_at IS 'Since when.';
COMMENT ON COLUMN orch.pauses.paused_by IS 'By whom.';

ALTER TABLE orch.projects ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orch.projects_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW orch.queue AS
 SELECT j.id,
        CASE
            WHEN (j.held IS NOT NULL) THEN 'held'::text
            WHEN (j.run_at > now()) THEN 'later'::text
            ELSE 'ready'::text
        END AS state,
    (now() - j.created_at) AS age,
    j.agent,
    orch.original_key(t.work_item) AS work_item,
    j.repo,
    j.priority,
    ((j.attempts || '/'::text) || j.max_attempts) AS attempts,
    COALESCE(j.held,
        CASE
            WHEN (j.run_at > now()) THEN COALESCE(((('retry at '::text || to_char(j.run_at, 'HH24:MI:SS'::text)) || ': '::text) || j.error), ('starts at '::text || to_char(j.run_at, 'YYYY-MM-DD HH24:MI:SS'::text)))
            ELSE orch.not_taken(j.agent)
        END) AS why
   FROM (orch.jobs j
     LEFT JOIN orch.tasks t ON ((t.id = j.task_id)))
  WHERE (j.status = 'queued'::text)
  ORDER BY (j.held IS NOT NULL), j.priority DESC, j.run_at, j.id;
COMMENT ON VIEW orch.queue IS 'Queued jobs in the order in which they will be claimed, and why those that wait do.';
COMMENT ON COLUMN orch.queue.id IS 'Job.';
COMMENT ON COLUMN orch.queue.state IS 'ready, later or held.';
COMMENT ON COLUMN orch.queue.age IS 'Since it was enqueued.';
COMMENT ON COLUMN orch.queue.agent IS 'Agent.';
COMMENT ON COLUMN orch.queue.work_item IS 'Work item of its task.';
COMMENT ON COLUMN orch.queue.repo IS 'Repository.';
COMMENT ON COLUMN orch.queue.priority IS 'Higher runs first.';
COMMENT ON COLUMN orch.queue.attempts IS 'Used and allowed.';
COMMENT ON COLUMN orch.queue.why IS 'Why it waits; null = it does not.';

CREATE VIEW orch.recent AS
 SELECT r.id,
    r.outcome AS state,
    (now() - r.ended_at) AS age,
    r.agent,
    orch.original_key(t.work_item) AS work_item,
    r.stage,
    r.node,
    r.attempt,
    (r.ended_at - r.started_at) AS took,
    COALESCE(('exit '::text || r.exit_status), ('signal '::text || r.signal)) AS ended_by,
    r.cost_usd,
    r.message,
    r.log_path
   FROM (orch.agent_runs r
     LEFT JOIN orch.tasks t ON ((t.id = r.task_id)))
  WHERE (r.ended_at IS NOT NULL)
  ORDER BY r.ended_at DESC, r.id DESC;
COMMENT ON VIEW orch.recent IS 'Ended runs, newest first. select * from orch.recent limit 20';
COMMENT ON COLUMN orch.recent.id IS 'Run.';
COMMENT ON COLUMN orch.recent.state IS 'Outcome.';
COMMENT ON COLUMN orch.recent.age IS 'Since it ended.';
COMMENT ON COLUMN orch.recent.agent IS 'Agent.';
COMMENT ON COLUMN orch.recent.work_item IS 'Work item of its task.';
COMMENT ON COLUMN orch.recent.stage IS 'Stage that it served.';
COMMENT ON COLUMN orch.recent.node IS 'Node.';
COMMENT ON COLUMN orch.recent.attempt IS 'Which attempt of its job.';
COMMENT ON COLUMN orch.recent.took IS 'How long the process ran.';
COMMENT ON COLUMN orch.recent.ended_by IS 'Exit status or signal.';
COMMENT ON COLUMN orch.recent.cost_usd IS 'Cost in US dollars.';
COMMENT ON COLUMN orch.recent.message IS 'What it said, or why it failed.';
COMMENT ON COLUMN orch.recent.log_path IS 'Its log, on its node.';

CREATE TABLE orch.repo_freeze (
    repo text NOT NULL,
    reason text NOT NULL,
    frozen_at timestamp with time zone DEFAULT now() NOT NULL,
    frozen_by text DEFAULT SESSION_USER NOT NULL
);
COMMENT ON TABLE orch.repo_freeze IS 'Repositories that take no new tasks.';
COMMENT ON COLUMN orch.repo_freeze.repo IS 'owner/name.';
COMMENT ON COLUMN orch.repo_freeze.reason IS 'Why.';
COMMENT ON COLUMN orch.repo_freeze.frozen_at IS 'Since when.';
COMMENT ON COLUMN orch.repo_freeze.frozen_by IS 'By whom.';

CREATE TABLE orch.settings (
    name text NOT NULL,
    published text,
    override text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by text DEFAULT SESSION_USER NOT NULL
);
COMMENT ON TABLE orch.settings IS 'Settings that SQL functions read. The override of an operator wins over what the service published from its environment.';
COMMENT ON COLUMN orch.settings.name IS 'Name of the setting in lower case, without ORCH_.';
COMMENT ON COLUMN orch.settings.published IS 'Value from the environment of the node that started last, or the default.';
COMMENT ON COLUMN orch.settings.override IS 'Value set with orch.set_setting(); null = none.';
COMMENT ON COLUMN orch.settings.updated_at IS 'When either value changed last.';
COMMENT ON COLUMN orch.settings.updated_by IS 'Database role that changed it last.';

CREATE TABLE orch.stages (
    stage text NOT NULL,
    "position" integer NOT NULL,
    next text,
    agent text,
    gate text,
    on_reject text,
    status_key text,
    is_terminal boolean DEFAULT false NOT NULL
);
COMMENT ON TABLE orch.stages IS 'Stages of the pipeline and their edges.';
COMMENT ON COLUMN orch.stages.stage IS 'Name.';
COMMENT ON COLUMN orch.stages."position" IS 'Order for people.';
COMMENT ON COLUMN orch.stages.next IS 'Stage after the gate has passed.';
COMMENT ON COLUMN orch.stages.agent IS 'Agent of the next step: it works in the stage that follows.';
COMMENT ON COLUMN orch.stages.gate IS 'Named check on the way out.';
COMMENT ON COLUMN orch.stages.on_reject IS 'Stage to which a rejection sends the task back.';
COMMENT ON COLUMN orch.stages.status_key IS 'Status that the board shows while the task is here.';
COMMENT ON COLUMN orch.stages.is_terminal IS 'For people and drawings; orch.is_terminal() is the predicate, and a test compares the two.';

CREATE TABLE orch.transitions (
    id bigint NOT NULL,
    task_id bigint NOT NULL,
    from_stage text,
    to_stage text NOT NULL,
    cause text NOT NULL,
    actor text NOT NULL,
    event_id bigint,
    run_id bigint,
    evidence jsonb,
    at timestamp with time zone DEFAULT now() NOT NULL
);
COMMENT ON TABLE orch.transitions IS 'Every change of stage, append-only.';
COMMENT ON COLUMN orch.transitions.id IS 'Number.';
COMMENT ON COLUMN orch.transitions.task_id IS 'Task.';
COMMENT ON COLUMN orch.transitions.from_stage IS 'Stage before; null = the task began.';
COMMENT ON COLUMN orch.transitions.to_stage IS 'Stage after.';
COMMENT ON COLUMN orch.transitions.cause IS 'Gate, gesture or STOP that caused it.';
COMMENT ON COLUMN orch.transitions.actor IS 'Who or what did it.';
COMMENT ON COLUMN orch.transitions.event_id IS 'Delivery that caused it.';
COMMENT ON COLUMN orch.transitions.run_id IS 'Run that caused it.';
COMMENT ON COLUMN orch.transitions.evidence IS 'Decision of the gate and what it was based on.';
COMMENT ON COLUMN orch.transitions.at IS 'When.';

CREATE VIEW orch.stops AS
 SELECT t.id,
        CASE
            WHEN (t.stage <> 'cancelled'::text) THEN 'deferred'::text
            ELSE COALESCE((ARRAY['stopping'::text, 'needs a hand'::text, 'cleaning'::text])[l.rank], 'clean'::text)
        END AS state,
    (now() - COALESCE(t.cancelled_at, t.cancel_requested_at)) AS age,
    orch.original_key(t.work_item) AS work_item,
    t.cancel_actor AS asked_by,
    t.cancel_via AS door,
    t.cancel_reason AS reason,
    ( SELECT x.from_stage
           FROM orch.transitions x
          WHERE ((x.task_id = t.id) AND (x.to_stage = 'cancelled'::text))) AS was_in,
    s.runs,
    s.processes,
    s.to_term,
    s.to_gone,
    ( SELECT string_agg((((o.kind || ' '::text) || o.status) || COALESCE(((' ('::text || o.last_error) || ')'::text), ''::text)), ', '::text ORDER BY o.id) AS string_agg
           FROM orch.outbox o
          WHERE ((o.task_id = t.id) AND (o.kind = ANY (ARRAY['archive'::text, 'worktree_remove'::text, 'branch_delete'::text])))) AS clean_up,
        CASE
            WHEN (t.stage <> 'cancelled'::text) THEN COALESCE(orch.critical_reason(t.id), 'the next sweep: what it waited for has ended'::text)
            ELSE l.what
        END AS waits_for
   FROM ((orch.tasks t
     LEFT JOIN LATERAL ( SELECT count(*) AS runs,
            sum(r.tree_size) AS processes,
            max((r.term_at - r.stop_at)) AS to_term,
            max((r.gone_at - r.stop_at)) AS to_gone
           FROM orch.agent_runs r
          WHERE ((r.task_id = t.id) AND (r.stop_at IS NOT NULL))) s ON (true))
     LEFT JOIN LATERAL ( SELECT k.rank,
            k.what
           FROM orch.outstanding(t.id) k(rank, nr, what)
          ORDER BY k.rank, k.nr
         LIMIT 1) l ON (true))
  WHERE (((t.cancelled_at IS NOT NULL) OR (t.cancel_requested_at IS NOT NULL)) AND ((t.finished_at IS NULL) OR (t.stage = 'cancelled'::text)))
  ORDER BY COALESCE(t.cancelled_at, t.cancel_requested_at) DESC;
COMMENT ON VIEW orch.stops IS 'Every STOP: by whom through which door, what it stopped and how fast, and what of the clean-up is outstanding.';
COMMENT ON COLUMN orch.stops.id IS 'Task.';
COMMENT ON COLUMN orch.stops.state IS 'deferred, stopping (a process may still be there), needs a hand (a clean-up effect is dead), cleaning or clean.';
COMMENT ON COLUMN orch.stops.age IS 'Since it took effect, or was asked for.';
COMMENT ON COLUMN orch.stops.work_item IS 'Work item.';
COMMENT ON COLUMN orch.stops.asked_by IS 'Who asked.';
COMMENT ON COLUMN orch.stops.door IS 'board, http, orchctl or psql.';
COMMENT ON COLUMN orch.stops.reason IS 'Why.';
COMMENT ON COLUMN orch.stops.was_in IS 'Stage in which the task was.';
COMMENT ON COLUMN orch.stops.runs IS 'Runs that were stopped.';
COMMENT ON COLUMN orch.stops.processes IS 'Processes that they consisted of.';
COMMENT ON COLUMN orch.stops.to_term IS 'From when the STOP was heard of, or a deferred one applied, to SIGTERM; of the slowest run.';
COMMENT ON COLUMN orch.stops.to_gone IS 'From the same moment to the last process gone; of the slowest run.';
COMMENT ON COLUMN orch.stops.clean_up IS 'Archive, worktree and branch: what is done and what is not.';
COMMENT ON COLUMN orch.stops.waits_for IS 'What comes before the next state, and who has to do it: a deploy, a node, an effect, or you.';

ALTER TABLE orch.tasks ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orch.tasks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW orch.timetable AS
 SELECT s.name,
        CASE
            WHEN (s.failed IS NOT NULL) THEN 'failing'::text
            WHEN (s.next_at <= now()) THEN 'due'::text
            ELSE 'waiting'::text
        END AS state,
    (s.next_at - now()) AS due_in,
    s.next_at,
    s.cron,
    s.time_zone,
    s.agent,
    s.repo,
    s.missed,
    s.last_at,
    s.last_job_id AS last_job,
    j.status AS last_status,
    s.failed AS why
   FROM (orch.schedules s
     LEFT JOIN orch.jobs j ON ((j.id = s.last_job_id)))
  ORDER BY s.next_at, s.name;
COMMENT ON VIEW orch.timetable IS 'Schedules, the next one first.';
COMMENT ON COLUMN orch.timetable.name IS 'Name of the schedule.';
COMMENT ON COLUMN orch.timetable.state IS 'waiting, due, or failing (its tick could not be fired, and is tried again each minute).';
COMMENT ON COLUMN orch.timetable.due_in IS 'Until the next tick.';
COMMENT ON COLUMN orch.timetable.next_at IS 'Next tick.';
COMMENT ON COLUMN orch.timetable.cron IS 'Cron expression.';
COMMENT ON COLUMN orch.timetable.time_zone IS 'Time zone in which it is read.';
COMMENT ON COLUMN orch.timetable.agent IS 'Agent of its jobs.';
COMMENT ON COLUMN orch.timetable.repo IS 'Repository of its jobs.';
COMMENT ON COLUMN orch.timetable.missed IS 'What becomes of ticks that nobody was there for: once, skip or all.';
COMMENT ON COLUMN orch.timetable.last_at IS 'Last tick that queued a job.';
COMMENT ON COLUMN orch.timetable.last_job IS 'That job.';
COMMENT ON COLUMN orch.timetable.last_status IS 'How that job is; null = there was none, or it was pruned.';
COMMENT ON COLUMN orch.timetable.why IS 'Why the last attempt to fire failed.';

CREATE TABLE orch.tracker_messages (
    task_id bigint NOT NULL,
    channel text NOT NULL,
    kind text NOT NULL,
    message_id text NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    digest text
);
COMMENT ON TABLE orch.tracker_messages IS 'Messages that are edited in place, such as a task''s live card.';
COMMENT ON COLUMN orch.tracker_messages.task_id IS 'Task.';
COMMENT ON COLUMN orch.tracker_messages.channel IS 'Messenger.';
COMMENT ON COLUMN orch.tracker_messages.kind IS 'Which message.';
COMMENT ON COLUMN orch.tracker_messages.message_id IS 'Its id there.';
COMMENT ON COLUMN orch.tracker_messages.updated_at IS 'When it was sent or edited last.';
COMMENT ON COLUMN orch.tracker_messages.digest IS 'MD5 of the text that it shows; null = not known.';

ALTER TABLE orch.transitions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orch.transitions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE orch.walks (
    subject text NOT NULL,
    last_id bigint DEFAULT 0 NOT NULL,
    began_at timestamp with time zone DEFAULT now() NOT NULL,
    is_at_end boolean DEFAULT false NOT NULL,
    pruned bigint DEFAULT 0 NOT NULL,
    CONSTRAINT walks_subject_check CHECK ((subject = ANY (ARRAY['jobs'::text, 'events'::text, 'outbox'::text])))
);
COMMENT ON TABLE orch.walks IS 'How far retention has come in each table.';
COMMENT ON COLUMN orch.walks.subject IS 'Table.';
COMMENT ON COLUMN orch.walks.last_id IS 'Number of the last row that was looked at.';
COMMENT ON COLUMN orch.walks.began_at IS 'When this walk through the table began.';
COMMENT ON COLUMN orch.walks.is_at_end IS 'What follows was too young when it was looked at last.';
COMMENT ON COLUMN orch.walks.pruned IS 'Rows deleted so far.';

ALTER TABLE ONLY orch.agent_runs
    ADD CONSTRAINT agent_runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY orch.board_issues
    ADD CONSTRAINT board_issues_pkey PRIMARY KEY (issue_id);

ALTER TABLE ONLY orch.board_states
    ADD CONSTRAINT board_states_pkey PRIMARY KEY (project_id, state_id);

ALTER TABLE ONLY orch.build_cache
    ADD CONSTRAINT build_cache_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY orch.channels
    ADD CONSTRAINT channels_pkey PRIMARY KEY (channel);

ALTER TABLE ONLY orch.ci_statuses
    ADD CONSTRAINT ci_statuses_pkey PRIMARY KEY (repo, sha, context);

ALTER TABLE ONLY orch.deploys
    ADD CONSTRAINT deploys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY orch.disks
    ADD CONSTRAINT disks_pkey PRIMARY KEY (node, path);

ALTER TABLE ONLY orch.duties
    ADD CONSTRAINT duties_pkey PRIMARY KEY (duty);

ALTER TABLE ONLY orch.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY orch.events
    ADD CONSTRAINT events_source_delivery_key_key UNIQUE (source, delivery_key);

ALTER TABLE ONLY orch.job_deps
    ADD CONSTRAINT job_deps_pkey PRIMARY KEY (task_id, depends_on_task_id);

ALTER TABLE ONLY orch.job_keys
    ADD CONSTRAINT job_keys_pkey PRIMARY KEY (unique_key);

ALTER TABLE ONLY orch.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY orch.limits
    ADD CONSTRAINT limits_pkey PRIMARY KEY (kind, name);

ALTER TABLE ONLY orch.merge_leases
    ADD CONSTRAINT merge_leases_pkey PRIMARY KEY (repo);

ALTER TABLE ONLY orch.merge_leases
    ADD CONSTRAINT merge_leases_task_id_key UNIQUE (task_id);

ALTER TABLE ONLY orch.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (version);

ALTER TABLE ONLY orch.monitors
    ADD CONSTRAINT monitors_pkey PRIMARY KEY (id);

ALTER TABLE ONLY orch.nodes
    ADD CONSTRAINT nodes_pkey PRIMARY KEY (node);

ALTER TABLE ONLY orch.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY orch.pauses
    ADD CONSTRAINT pauses_pkey PRIMARY KEY (kind, name);

ALTER TABLE ONLY orch.projects
    ADD CONSTRAINT projects_name_key UNIQUE (name);

ALTER TABLE ONLY orch.projects
    ADD CONSTRAINT projects_pkey PRIMARY KEY (id);

ALTER TABLE ONLY orch.projects
    ADD CONSTRAINT projects_plane_project_id_key UNIQUE (plane_project_id);

ALTER TABLE ONLY orch.projects
    ADD CONSTRAINT projects_prefix_key UNIQUE (prefix);

ALTER TABLE ONLY orch.repo_freeze
    ADD CONSTRAINT repo_freeze_pkey PRIMARY KEY (repo);

ALTER TABLE ONLY orch.schedules
    ADD CONSTRAINT schedules_pkey PRIMARY KEY (name);

ALTER TABLE ONLY orch.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (name);

ALTER TABLE ONLY orch.stages
    ADD CONSTRAINT stages_pkey PRIMARY KEY (stage);

ALTER TABLE ONLY orch.stages
    ADD CONSTRAINT stages_position_key UNIQUE ("position");

ALTER TABLE ONLY orch.tasks
    ADD CONSTRAINT tasks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY orch.tasks
    ADD CONSTRAINT tasks_plane_id_key UNIQUE (plane_id);

ALTER TABLE ONLY orch.tasks
    ADD CONSTRAINT tasks_plane_issue_id_key UNIQUE (plane_issue_id);

ALTER TABLE ONLY orch.tasks
    ADD CONSTRAINT tasks_work_item_key UNIQUE (work_item);

ALTER TABLE ONLY orch.tracker_messages
    ADD CONSTRAINT tracker_messages_pkey PRIMARY KEY (task_id, channel, kind);

ALTER TABLE ONLY orch.transitions
    ADD CONSTRAINT transitions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY orch.walks
    ADD CONSTRAINT walks_pkey PRIMARY KEY (subject);

CREATE INDEX agent_runs_claimed ON orch.agent_runs USING brin (claimed_at) WITH (pages_per_range='16', autosummarize='on');

CREATE INDEX agent_runs_job ON orch.agent_runs USING btree (job_id);

CREATE INDEX agent_runs_open ON orch.agent_runs USING btree (node) WHERE (ended_at IS NULL);

CREATE INDEX agent_runs_open_task ON orch.agent_runs USING btree (task_id) WHERE (ended_at IS NULL);

CREATE INDEX agent_runs_task ON orch.agent_runs USING btree (task_id);

CREATE INDEX deploys_label ON orch.deploys USING btree (task_id) WHERE (confirmed_by ~~ 'label %'::text);

CREATE UNIQUE INDEX deploys_one_open ON orch.deploys USING btree (task_id) WHERE (finished_at IS NULL);

CREATE INDEX deploys_task ON orch.deploys USING btree (task_id);

CREATE INDEX events_comments ON orch.events USING btree (((facts ->> 'issue_id'::text)), id) WHERE (kind = 'issue_comment'::text);

CREATE INDEX events_issue ON orch.events USING btree (((facts ->> 'issue_id'::text)), id) WHERE (kind = 'issue'::text);

CREATE INDEX events_retry ON orch.events USING btree (next_try_at) WHERE ((status = ANY (ARRAY['failed'::text, 'waiting'::text])) AND (next_try_at IS NOT NULL));

CREATE INDEX job_deps_reverse ON orch.job_deps USING btree (depends_on_task_id);

CREATE INDEX job_keys_expired ON orch.job_keys USING btree (expires_at);

CREATE INDEX jobs_held ON orch.jobs USING btree (held_by, priority DESC, run_at, id) WHERE ((status = 'queued'::text) AND (held IS NOT NULL));

CREATE UNIQUE INDEX jobs_one_active_per_stage ON orch.jobs USING btree (task_id, stage) WHERE ((status = ANY (ARRAY['queued'::text, 'running'::text])) AND (task_id IS NOT NULL));

CREATE INDEX jobs_ready ON orch.jobs USING btree (priority DESC, run_at, id) WHERE ((status = 'queued'::text) AND (held IS NULL));

CREATE UNIQUE INDEX jobs_running ON orch.jobs USING btree (run_id) WHERE (status = 'running'::text);

CREATE INDEX jobs_task ON orch.jobs USING btree (task_id) WHERE (task_id IS NOT NULL);

CREATE UNIQUE INDEX jobs_unique_key ON orch.jobs USING btree (unique_key) WHERE ((status = ANY (ARRAY['queued'::text, 'running'::text])) AND (unique_key IS NOT NULL));

CREATE UNIQUE INDEX monitors_one_open ON orch.monitors USING btree (repo) WHERE (ended_at IS NULL);

CREATE INDEX monitors_task ON orch.monitors USING btree (task_id);

CREATE INDEX outbox_due ON orch.outbox USING btree (next_at, id) WHERE (status = 'pending'::text);

CREATE INDEX outbox_lane ON orch.outbox USING btree (lane, id) WHERE (status = 'pending'::text);

CREATE INDEX outbox_task ON orch.outbox USING btree (task_id);

CREATE INDEX schedules_due ON orch.schedules USING btree (next_at);

CREATE INDEX tasks_branch ON orch.tasks USING btree (repo, branch);

CREATE INDEX tasks_cancel_pending ON orch.tasks USING btree (cancel_requested_at) WHERE ((cancel_requested_at IS NOT NULL) AND (finished_at IS NULL));

CREATE INDEX tasks_ended ON orch.tasks USING btree (finished_at) WHERE (finished_at IS NOT NULL);

CREATE INDEX tasks_issue ON orch.tasks USING btree (split_part(plane_issue_id, '#cancelled-'::text, 1));

CREATE INDEX tasks_item ON orch.tasks USING btree (lower(split_part(work_item, '#cancelled-'::text, 1)));

CREATE INDEX tasks_stops ON orch.tasks USING btree (COALESCE(cancelled_at, cancel_requested_at) DESC) WHERE ((cancelled_at IS NOT NULL) OR (cancel_requested_at IS NOT NULL));

CREATE INDEX tasks_unfinished ON orch.tasks USING btree (repo, id) WHERE (finished_at IS NULL);

CREATE INDEX tasks_unfinished_newest ON orch.tasks USING btree (id) WHERE (finished_at IS NULL);

CREATE INDEX transitions_event ON orch.transitions USING btree (event_id) WHERE (event_id IS NOT NULL);

CREATE INDEX transitions_label ON orch.transitions USING btree (task_id) WHERE (actor ~~ 'label %'::text);

CREATE INDEX transitions_task ON orch.transitions USING btree (task_id, id);

ALTER TABLE ONLY orch.agent_runs
    ADD CONSTRAINT agent_runs_job_id_fkey FOREIGN KEY (job_id) REFERENCES orch.jobs(id) ON DELETE CASCADE;

ALTER TABLE ONLY orch.agent_runs
    ADD CONSTRAINT agent_runs_task_id_fkey FOREIGN KEY (task_id) REFERENCES orch.tasks(id);

ALTER TABLE ONLY orch.board_issues
    ADD CONSTRAINT board_issues_project_id_fkey FOREIGN KEY (project_id) REFERENCES orch.projects(id) ON DELETE CASCADE;

ALTER TABLE ONLY orch.board_states
    ADD CONSTRAINT board_states_project_id_fkey FOREIGN KEY (project_id) REFERENCES orch.projects(id) ON DELETE CASCADE;

ALTER TABLE ONLY orch.deploys
    ADD CONSTRAINT deploys_task_id_fkey FOREIGN KEY (task_id) REFERENCES orch.tasks(id);

ALTER TABLE ONLY orch.events
    ADD CONSTRAINT events_task_id_fkey FOREIGN KEY (task_id) REFERENCES orch.tasks(id);

ALTER TABLE ONLY orch.job_deps
    ADD CONSTRAINT job_deps_depends_on_task_id_fkey FOREIGN KEY (depends_on_task_id) REFERENCES orch.tasks(id);

ALTER TABLE ONLY orch.job_deps
    ADD CONSTRAINT job_deps_task_id_fkey FOREIGN KEY (task_id) REFERENCES orch.tasks(id);

ALTER TABLE ONLY orch.jobs
    ADD CONSTRAINT jobs_task_id_fkey FOREIGN KEY (task_id) REFERENCES orch.tasks(id);

ALTER TABLE ONLY orch.merge_leases
    ADD CONSTRAINT merge_leases_task_id_fkey FOREIGN KEY (task_id) REFERENCES orch.tasks(id);

ALTER TABLE ONLY orch.monitors
    ADD CONSTRAINT monitors_task_id_fkey FOREIGN KEY (task_id) REFERENCES orch.tasks(id);

ALTER TABLE ONLY orch.outbox
    ADD CONSTRAINT outbox_task_id_fkey FOREIGN KEY (task_id) REFERENCES orch.tasks(id);

ALTER TABLE ONLY orch.stages
    ADD CONSTRAINT stages_next_fkey FOREIGN KEY (next) REFERENCES orch.stages(stage) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY orch.stages
    ADD CONSTRAINT stages_on_reject_fkey FOREIGN KEY (on_reject) REFERENCES orch.stages(stage) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY orch.tasks
    ADD CONSTRAINT tasks_project_id_fkey FOREIGN KEY (project_id) REFERENCES orch.projects(id);

ALTER TABLE ONLY orch.tasks
    ADD CONSTRAINT tasks_stage_fkey FOREIGN KEY (stage) REFERENCES orch.stages(stage);

ALTER TABLE ONLY orch.tracker_messages
    ADD CONSTRAINT tracker_messages_task_id_fkey FOREIGN KEY (task_id) REFERENCES orch.tasks(id);

ALTER TABLE ONLY orch.transitions
    ADD CONSTRAINT transitions_event_id_fkey FOREIGN KEY (event_id) REFERENCES orch.events(id);

ALTER TABLE ONLY orch.transitions
    ADD CONSTRAINT transitions_task_id_fkey FOREIGN KEY (task_id) REFERENCES orch.tasks(id);

-- Functions: signature, who may call it, and how it runs.
-- orch.active_job(task_id bigint) returns bigint
--     owner
-- orch.add_card(task_id bigint) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.add_clean_up(task_id bigint) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.add_dep(ref text, depends_on text) returns text
--     operator, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.add_effect(task_id bigint, kind text, payload jsonb DEFAULT '{}'::jsonb, node text DEFAULT NULL::text) returns bigint
--     owner; search_path=pg_catalog, pg_temp
-- orch.add_project(name text, prefix text, repo text, clone_url text, plane_workspace text, plane_project_id text, default_branch text DEFAULT 'main'::text) returns text
--     operator, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.admit_jobs(job_ids bigint[]) returns bigint[]
--     owner; search_path=pg_catalog, pg_temp
-- orch.advance(task_id bigint, evidence jsonb, actor text, event_id bigint DEFAULT NULL::bigint, run_id bigint DEFAULT NULL::bigint, OUT decision text, OUT reason text) returns record
--     owner; search_path=pg_catalog, pg_temp
-- orch.agent_problem(agent text) returns text
--     owner
-- orch.alert_failed(job orch.jobs, problem text) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.apply_cancel(task_id bigint) returns boolean
--     owner; search_path=pg_catalog, pg_temp
-- orch.approve(ref text, actor text DEFAULT SESSION_USER, event_id bigint DEFAULT NULL::bigint) returns text
--     operator, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.back_off(base interval, attempt integer, most interval) returns interval
--     owner
-- orch.beat(node text, incarnation uuid, is_draining boolean) returns TABLE(run_id bigint, why text, asked_at timestamp with time zone)
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.begin_deploy(task_id bigint) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.begin_monitor(task orch.tasks) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.begin_prune(node text, every interval) returns boolean
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.block_task(task_id bigint, attention text, reason text, said text DEFAULT NULL::text) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.block_task_because(task_id bigint, key text, VARIADIC words text[]) returns void
--     owner
-- orch.blocked_by(agent text, repo text, limit_key text, admitted bigint[], OUT held_by text, OUT words text) returns record
--     owner
-- orch.board_card(task orch.tasks, board_url text) returns jsonb
--     owner
-- orch.board_report(board_url text) returns jsonb
--     operator, reader, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.board_states_failed(project_id bigint, error text, retry_after interval DEFAULT NULL::interval) returns void
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.cancel_job(job_id bigint, reason text DEFAULT ('cancelled by '::text || (SESSION_USER)::text)) returns text
--     operator, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.cancel_jobs(task_id bigint, reason text, statuses text[], asked_at timestamp with time zone DEFAULT clock_timestamp()) returns integer
--     owner; search_path=pg_catalog, pg_temp
-- orch.cancel_task(task_id bigint, event_id bigint DEFAULT NULL::bigint, asked_at timestamp with time zone DEFAULT clock_timestamp()) returns integer
--     owner; search_path=pg_catalog, pg_temp
-- orch.card_text(task orch.tasks) returns text
--     owner
-- orch.channel_of(kind text) returns text
--     owner
-- orch.chat_room() returns integer
--     owner; search_path=pg_catalog, pg_temp
-- orch.check_agent(agent text) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.check_gate(task_id bigint, evidence jsonb, OUT decision text, OUT reason text, OUT proof jsonb) returns record
--     owner; search_path=pg_catalog, pg_temp
-- orch.check_jobs(jobs jsonb) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.check_rule(kind text, name text, kinds text[]) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.check_settings() returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.ci_asked(task_id bigint, error text) returns void
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.ci_state(repo text, sha text, OUT state text, OUT contexts jsonb) returns record
--     operator, reader, service
-- orch.ci_to_ask() returns TABLE(task_id bigint, repo text, sha text)
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.claim_effects(node text, slots integer, held bigint[] DEFAULT '{}'::bigint[], kinds text[] DEFAULT ARRAY['board_comment'::text, 'board_status'::text, 'alert'::text, 'card'::text, 'task_start'::text, 'pull_open'::text, 'pull_merge'::text, 'archive'::text, 'worktree_remove'::text, 'branch_delete'::text]) returns TABLE(effect_id bigint, token uuid, kind text, attempts integer, task_id bigint, payload jsonb, context jsonb)
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.claim_jobs(node text, incarnation uuid, slots integer, marks jsonb DEFAULT NULL::jsonb, without text[] DEFAULT NULL::text[], only_agents text[] DEFAULT NULL::text[]) returns TABLE(run_id bigint, job_id bigint, agent text, repo text, task_id bigint, work_item text, title text, branch text, default_branch text, clone_url text, stage text, content text, attempt integer, max_attempts integer, plane_issue_id text, priority integer, run_at timestamp with time zone)
--     service; with the owner's rights; plan_cache_mode=force_generic_plan, search_path=pg_catalog, pg_temp
-- orch.clear_limit(kind text, name text DEFAULT ''::text) returns text
--     operator, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.clock_text(at timestamp with time zone) returns text
--     operator, reader, service
-- orch.close_run(run_id bigint, outcome text, detail jsonb) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.close_runs(run_ids bigint[], outcomes text[], details jsonb[]) returns SETOF bigint
--     owner
-- orch.confirm_deploy(ref text, actor text DEFAULT SESSION_USER) returns text
--     operator, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.critical_reason(task_id bigint, at timestamp with time zone DEFAULT now()) returns text
--     operator, reader, service
-- orch.cron_allows(months integer[], days integer[], weekdays integer[], is_either boolean, day date) returns boolean
--     owner
-- orch.cron_day(months integer[], days integer[], weekdays integer[], is_either boolean, from_day date) returns date
--     owner; search_path=pg_catalog, pg_temp
-- orch.cron_field(cron text, field text, given text, low integer, high integer, names text[] DEFAULT '{}'::text[]) returns integer[]
--     owner; search_path=pg_catalog, pg_temp
-- orch.cron_next(cron text, time_zone text DEFAULT 'UTC'::text, after timestamp with time zone DEFAULT now()) returns timestamp with time zone
--     operator, reader, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.cron_next_named(minutes integer[], hours integer[], days integer[], months integer[], weekdays integer[], is_either boolean, time_zone text, after timestamp with time zone) returns timestamp with time zone
--     owner; search_path=pg_catalog, pg_temp
-- orch.cron_next_walking(minutes integer[], hours integer[], days integer[], months integer[], weekdays integer[], is_either boolean, time_zone text, after timestamp with time zone) returns timestamp with time zone
--     owner; search_path=pg_catalog, pg_temp
-- orch.cron_number(given text, low integer, names text[]) returns integer
--     owner
-- orch.cron_parts(cron text) returns text[]
--     owner; search_path=pg_catalog, pg_temp
-- orch.degrade(watch orch.monitors, has_rollback boolean) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.delay_effect(effect_id bigint, token uuid, error text, retry_after interval) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.disown_runs(node text, incarnation uuid, held bigint[]) returns integer
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.effect_context(effect orch.outbox) returns jsonb
--     owner
-- orch.effect_done(effect_id bigint, token uuid, result jsonb) returns void
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.effect_failed(effect_id bigint, token uuid, error text, retry_after interval, is_permanent boolean) returns void
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.effect_payload(effect orch.outbox) returns jsonb
--     owner
-- orch.effect_skipped(effect_id bigint, token uuid, reason text) returns void
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.end_effect(effect_id bigint, token uuid, status text, note text, result jsonb DEFAULT NULL::jsonb) returns orch.outbox
--     owner; search_path=pg_catalog, pg_temp
-- orch.end_job(job_id bigint, status text, error text) returns void
--     owner
-- orch.end_monitor(watch orch.monitors, state text) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.end_prune(error text) returns void
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.enqueue(agent text, content text DEFAULT ''::text, repo text DEFAULT NULL::text, priority integer DEFAULT 0, run_at timestamp with time zone DEFAULT now(), max_attempts integer DEFAULT NULL::integer, unique_key text DEFAULT NULL::text, tags text[] DEFAULT '{}'::text[], unique_for interval DEFAULT NULL::interval, limit_key text DEFAULT NULL::text) returns bigint
--     operator, producer, reader, service; plan_cache_mode=force_generic_plan, search_path=pg_catalog, pg_temp
-- orch.enqueue_keyed(new_id bigint, agent text, content text, repo text, priority integer, run_at timestamp with time zone, max_attempts integer, unique_key text, tags text[], unique_for interval, limit_key text) returns bigint
--     owner; plan_cache_mode=force_generic_plan, search_path=pg_catalog, pg_temp
-- orch.enqueue_many(jobs jsonb) returns SETOF bigint
--     operator, producer, reader, service; search_path=pg_catalog, pg_temp
-- orch.enter_stage(task_id bigint, stage text, cause text, actor text, event_id bigint DEFAULT NULL::bigint, run_id bigint DEFAULT NULL::bigint, evidence jsonb DEFAULT NULL::jsonb) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.fail_job(job orch.jobs, run_id bigint, problem text, log text DEFAULT NULL::text) returns text
--     owner; search_path=pg_catalog, pg_temp
-- orch.file_blobs(evidence jsonb) returns jsonb
--     owner
-- orch.find_log(ref text) returns TABLE(run_id bigint, agent text, node text, host text, log_path text, is_over boolean)
--     operator, reader, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.find_story(ref text) returns bigint
--     owner; search_path=pg_catalog, pg_temp
-- orch.find_task(ref text) returns bigint
--     owner; search_path=pg_catalog, pg_temp
-- orch.finish_deploy(task_id bigint, verdict text, detail text) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.finish_run(run_id bigint, outcome text, detail jsonb, job_id bigint DEFAULT NULL::bigint, OUT job_status text, OUT task_stage text, OUT note text) returns record
--     service; with the owner's rights; plan_cache_mode=force_generic_plan, search_path=pg_catalog, pg_temp
-- orch.finish_runs(run_ids bigint[], outcomes text[], details jsonb[], job_ids bigint[]) returns TABLE(run_id bigint, job_status text, task_stage text, note text, error_code text)
--     service; with the owner's rights; plan_cache_mode=force_generic_plan, search_path=pg_catalog, pg_temp
-- orch.fire_schedule(s orch.schedules) returns integer
--     owner; search_path=pg_catalog, pg_temp
-- orch.fire_schedules() returns integer
--     owner; search_path=pg_catalog, pg_temp
-- orch.first_instant(local timestamp without time zone, time_zone text) returns timestamp with time zone
--     owner; search_path=pg_catalog, pg_temp
-- orch.free_held(rule text, at_most integer DEFAULT NULL::integer) returns integer
--     owner; search_path=pg_catalog, pg_temp
-- orch.freeze(repo text, reason text) returns text
--     operator, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.heed_labels(task_id bigint) returns text
--     owner; search_path=pg_catalog, pg_temp
-- orch.hold_reason(task_id bigint, stage text) returns text
--     owner
-- orch.idle_key() returns bigint
--     owner
-- orch.idle_tasks() returns SETOF orch.tasks
--     owner
-- orch.initiate_deploy(task_id bigint, at timestamp with time zone) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.is_critical(task_id bigint) returns boolean
--     owner; search_path=pg_catalog, pg_temp
-- orch.is_prune_due(last_run timestamp with time zone, at timestamp with time zone, every interval) returns boolean
--     owner
-- orch.is_resting(channel text) returns boolean
--     owner
-- orch.is_ruled() returns boolean
--     owner
-- orch.is_terminal(stage text) returns boolean
--     owner
-- orch.job(job_id bigint) returns TABLE(id bigint, agent text, status text, held text, run_at timestamp with time zone, attempts integer, max_attempts integer, created_at timestamp with time zone, started_at timestamp with time zone, finished_at timestamp with time zone)
--     operator, producer, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.job_problem(agent text, repo text, run_at timestamp with time zone, max_attempts integer, unique_key text, tags text[], unique_for interval, limit_key text) returns text
--     owner
-- orch.job_report(job_id bigint) returns jsonb
--     operator, reader, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.leftover_runs(node text) returns TABLE(run_id bigint, job_id bigint, pid integer, pid_start text, boot_id text, marker text, cgroup text, is_detached boolean, task_id bigint, work_item text, agent text, repo text)
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.limit_key() returns bigint
--     owner
-- orch.limit_room(kind text, name text) returns integer
--     owner
-- orch.local_time(at timestamp with time zone, time_zone text) returns timestamp without time zone
--     owner; search_path=pg_catalog, pg_temp
-- orch.member_problem(job jsonb, members text[]) returns text
--     owner; search_path=pg_catalog, pg_temp
-- orch.merge_checked(task_id bigint, head text, result jsonb) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.monitor_checked(monitor_id bigint, error text, every interval, failures integer, has_rollback boolean) returns text
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.monitors_due(rules jsonb) returns TABLE(monitor_id bigint, repo text, work_item text, sha text)
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.mourn_effect(effect orch.outbox, task orch.tasks, error text) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.move_on(task_id bigint, cause text, actor text, event_id bigint, run_id bigint, evidence jsonb) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.moves_task(kind text) returns boolean
--     operator, reader, service
-- orch.need_node(node text, incarnation uuid) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.need_repo(repo text) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.need_task(ref text) returns bigint
--     owner; search_path=pg_catalog, pg_temp
-- orch.newest_ticks(cron text, time_zone text, from_at timestamp with time zone, until_at timestamp with time zone, at_most integer) returns timestamp with time zone[]
--     owner; search_path=pg_catalog, pg_temp
-- orch.next_job_ms() returns double precision
--     owner
-- orch.node_agents(node text, incarnation uuid, agents text[], left_out jsonb) returns void
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.node_awake() returns void
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.node_idle(horizon xid8, OUT is_idle boolean, OUT new_horizon xid8, OUT is_settled boolean, OUT next_ms double precision) returns record
--     service; with the owner's rights; plan_cache_mode=force_generic_plan, search_path=pg_catalog, pg_temp
-- orch.node_note(node text) returns text
--     operator, reader, service
-- orch.node_start(node text, incarnation uuid, pid integer, slots integer, version text, lease interval, host text DEFAULT NULL::text, containment text DEFAULT NULL::text) returns void
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.node_stop(node text, incarnation uuid) returns void
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.not_taken(agent text) returns text
--     operator, reader, service
-- orch.note_disks(node text, disks jsonb, threshold integer, hysteresis integer) returns integer
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.note_own_status(task_id bigint, result jsonb) returns void
--     owner
-- orch.open_run(run_id bigint, job_id bigint) returns void
--     owner
-- orch.open_runs(node text) returns TABLE(run_id bigint, job_id bigint, task_id bigint, incarnation uuid, claimed_at timestamp with time zone, started_at timestamp with time zone, pid integer, pid_start text, boot_id text)
--     owner
-- orch.original_key(key text) returns text
--     operator, reader, service
-- orch.outstanding(task_id bigint) returns TABLE(rank integer, nr bigint, what text)
--     operator, reader, service
-- orch.pause(kind text, name text DEFAULT ''::text, reason text DEFAULT ''::text) returns text
--     operator, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.poll_news(project_id bigint, issues jsonb, OUT news jsonb, OUT newest timestamp with time zone, OUT goes_on boolean) returns record
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.project_polled(project_id bigint, polled_to timestamp with time zone, error text, retry_after interval DEFAULT NULL::interval) returns void
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.projects_to_poll(every interval) returns TABLE(project_id bigint, workspace text, plane_project_id text)
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.projects_wanting_states() returns TABLE(project_id bigint, workspace text, plane_project_id text)
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.prune(at_most integer DEFAULT 1000, OUT pruned integer, OUT goes_on boolean) returns record
--     owner; search_path=pg_catalog, pg_temp
-- orch.prune_events(after_id bigint, at_most integer, keep interval) returns TABLE(pruned integer, last_id bigint, is_full boolean)
--     owner
-- orch.prune_jobs(after_id bigint, at_most integer, keep interval, slack interval) returns TABLE(pruned integer, last_id bigint, is_full boolean)
--     owner
-- orch.prune_outbox(after_id bigint, at_most integer, keep interval, slack interval) returns TABLE(pruned integer, last_id bigint, is_full boolean)
--     owner
-- orch.publish_settings(published jsonb) returns void
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.put_board_states(project_id bigint, states jsonb, board_actor text) returns void
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.put_job(agent text, content text, repo text, priority integer, run_at timestamp with time zone, max_attempts integer, unique_key text, tags text[], unique_for interval, limit_key text) returns bigint
--     operator, producer, service; with the owner's rights; plan_cache_mode=force_generic_plan, search_path=pg_catalog, pg_temp
-- orch.put_jobs(jobs jsonb) returns SETOF bigint
--     operator, producer, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.queue_report() returns jsonb
--     operator, reader, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.queue_stage_job(task_id bigint, note text DEFAULT NULL::text) returns bigint
--     owner; search_path=pg_catalog, pg_temp
-- orch.reap() returns integer
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.receive_event(source text, delivery_key text, kind text, facts jsonb, body text, heard_at timestamp with time zone DEFAULT statement_timestamp()) returns TABLE(event_id bigint, status text, reason text)
--     service; with the owner's rights; plan_cache_mode=force_generic_plan, search_path=pg_catalog, pg_temp
-- orch.reconcile(OUT moved integer, OUT skipped integer) returns record
--     owner; search_path=pg_catalog, pg_temp
-- orch.reconcile_task(task_id bigint) returns text
--     owner; search_path=pg_catalog, pg_temp
-- orch.refresh_cards() returns integer
--     owner; search_path=pg_catalog, pg_temp
-- orch.refuse_producer() returns void
--     operator, producer, reader, service; search_path=pg_catalog, pg_temp
-- orch.reject(ref text, reason text DEFAULT NULL::text, actor text DEFAULT SESSION_USER, event_id bigint DEFAULT NULL::bigint) returns text
--     operator, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.remove_dep(ref text, depends_on text) returns text
--     operator, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.repo_in_scope(repo text, repos text) returns boolean
--     owner
-- orch.report_auto_labels() returns jsonb
--     owner
-- orch.report_build_cache() returns jsonb
--     owner
-- orch.report_counts() returns jsonb
--     owner
-- orch.report_disk_watchdog() returns jsonb
--     owner
-- orch.report_duty(duty text) returns jsonb
--     owner
-- orch.report_events() returns jsonb
--     owner
-- orch.report_max_concurrency() returns jsonb
--     owner
-- orch.report_nodes() returns jsonb
--     owner
-- orch.report_outbox() returns jsonb
--     owner
-- orch.report_post_deploy() returns jsonb
--     owner
-- orch.report_reaper() returns jsonb
--     owner
-- orch.report_recent() returns jsonb
--     owner
-- orch.report_reconcile() returns jsonb
--     owner
-- orch.report_resilience() returns jsonb
--     owner
-- orch.report_serial_gate() returns jsonb
--     owner
-- orch.report_stop() returns jsonb
--     owner
-- orch.report_task_deps() returns jsonb
--     owner
-- orch.report_upkeep() returns jsonb
--     owner
-- orch.requeue_job(job_id bigint, error text, wait interval, uses_attempt boolean) returns text
--     owner; search_path=pg_catalog, pg_temp
-- orch.rest_channel(channel text, for_at_least interval) returns boolean
--     owner; search_path=pg_catalog, pg_temp
-- orch.resume(kind text, name text DEFAULT ''::text) returns text
--     operator, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.retry_effect(effect_id bigint) returns text
--     operator, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.retry_events(most integer) returns integer
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.retry_job(job_id bigint) returns text
--     operator, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.returns_to(task_id bigint, stage text) returns bigint
--     owner
-- orch.review_blocks(rules text[] DEFAULT NULL::text[]) returns integer
--     owner; search_path=pg_catalog, pg_temp
-- orch.review_holds(task_id bigint DEFAULT NULL::bigint) returns integer
--     owner; search_path=pg_catalog, pg_temp
-- orch.review_leases(repo text) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.review_limits(job_ids bigint[]) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.route_event(event orch.events, OUT status text, OUT reason text, OUT task_id bigint) returns record
--     owner; search_path=pg_catalog, pg_temp
-- orch.route_forge(event orch.events, OUT status text, OUT reason text, OUT task_id bigint) returns record
--     owner; search_path=pg_catalog, pg_temp
-- orch.route_issue(event orch.events, project orch.projects, OUT status text, OUT reason text, OUT task_id bigint) returns record
--     owner; search_path=pg_catalog, pg_temp
-- orch.route_status(event orch.events, project orch.projects, key text, known_task bigint, OUT status text, OUT reason text, OUT task_id bigint) returns record
--     owner; search_path=pg_catalog, pg_temp
-- orch.route_to_analyse(event orch.events, project orch.projects, known_task bigint, person text, OUT status text, OUT reason text, OUT task_id bigint) returns record
--     owner; search_path=pg_catalog, pg_temp
-- orch.rule_covers(kind text, name text, agent text, repo text, limit_key text) returns boolean
--     owner
-- orch.rules_for(agent text, repo text, limit_key text) returns TABLE(kind text, name text)
--     owner
-- orch.run_detaches(run_id bigint, job_id bigint, boot_id text, log_path text, within interval) returns boolean
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.run_duty(duty text, node text, keep interval, OUT is_ours boolean, OUT holder text, OUT count integer, OUT goes_on boolean, OUT failed text, OUT skipped integer) returns record
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.run_log(run_id bigint) returns TABLE(node text, log_path text, is_ended boolean)
--     operator, reader, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.run_started(run_id bigint, pid integer, pid_start text, boot_id text, log_path text, job_id bigint DEFAULT NULL::bigint, cgroup text DEFAULT NULL::text) returns boolean
--     service; with the owner's rights; plan_cache_mode=force_generic_plan, search_path=pg_catalog, pg_temp
-- orch.run_stopping(run_id bigint, term_at timestamp with time zone, kill_at timestamp with time zone) returns void
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.runs_to_stop(node text) returns TABLE(run_id bigint, why text, asked_at timestamp with time zone)
--     service; with the owner's rights; plan_cache_mode=force_generic_plan, search_path=pg_catalog, pg_temp
-- orch.said() returns TABLE(key text, en text, ru text)
--     owner
-- orch.said_span(span interval, is_rough boolean DEFAULT false) returns text
--     owner
-- orch.say(key text, VARIADIC words text[] DEFAULT '{}'::text[]) returns text
--     owner
-- orch.say_in(language text, key text, VARIADIC words text[] DEFAULT '{}'::text[]) returns text
--     owner; search_path=pg_catalog, pg_temp
-- orch.schedule(name text, cron text, agent text, content text DEFAULT ''::text, time_zone text DEFAULT 'UTC'::text, repo text DEFAULT NULL::text, priority integer DEFAULT 0, max_attempts integer DEFAULT NULL::integer, tags text[] DEFAULT '{}'::text[], missed text DEFAULT 'once'::text) returns timestamp with time zone
--     operator, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.send_back(task_id bigint, reason text, cause text, actor text, event_id bigint DEFAULT NULL::bigint, run_id bigint DEFAULT NULL::bigint, evidence jsonb DEFAULT NULL::jsonb) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.set_limit(kind text, name text, at_once integer DEFAULT NULL::integer, per_period integer DEFAULT NULL::integer, period interval DEFAULT NULL::interval) returns text
--     operator, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.set_setting(name text, value text) returns text
--     operator, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.setting(name text) returns text
--     owner
-- orch.settle_job(job orch.jobs, run_id bigint, outcome text, detail jsonb) returns text
--     owner; search_path=pg_catalog, pg_temp
-- orch.shortened(words text, most integer) returns text
--     owner
-- orch.span_text(span interval) returns text
--     operator, reader, service
-- orch.start_task(project_id bigint, issue_id text, sequence bigint, title text, description text, actor text, event_id bigint DEFAULT NULL::bigint) returns bigint
--     owner; search_path=pg_catalog, pg_temp
-- orch.status_key(name text) returns text
--     owner
-- orch.status_report() returns jsonb
--     operator, reader, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.stays_critical(task_id bigint) returns boolean
--     owner; search_path=pg_catalog, pg_temp
-- orch.stop_task(ref text, reason text DEFAULT NULL::text, via text DEFAULT 'psql'::text, actor text DEFAULT SESSION_USER, event_id bigint DEFAULT NULL::bigint, heard_at timestamp with time zone DEFAULT statement_timestamp()) returns TABLE(result text, task_id bigint, work_item text, message text)
--     operator, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.story_asked(task orch.tasks) returns TABLE(at timestamp with time zone, rank integer, nr bigint, what text)
--     owner
-- orch.story_effects(task orch.tasks) returns TABLE(at timestamp with time zone, rank integer, nr bigint, what text)
--     owner
-- orch.story_moves(task orch.tasks) returns TABLE(at timestamp with time zone, rank integer, nr bigint, what text)
--     owner
-- orch.story_now(task orch.tasks) returns text
--     owner
-- orch.story_report(ref text) returns jsonb
--     operator, reader, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.story_runs(task orch.tasks) returns TABLE(at timestamp with time zone, rank integer, nr bigint, what text)
--     owner
-- orch.supersede_monitor(repo text) returns void
--     owner
-- orch.sweep_cancels() returns integer
--     service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.take_duty(duty text, node text, keep interval) returns boolean
--     owner; search_path=pg_catalog, pg_temp
-- orch.task_merged(task_id bigint, evidence jsonb) returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.task_report(ref text) returns jsonb
--     operator, reader, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.tasks_report(state text, repo text, most integer, before bigint) returns jsonb
--     operator, reader, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.told_number(value jsonb, below numeric) returns numeric
--     owner
-- orch.tombstone(key text, task_id bigint) returns text
--     owner
-- orch.transient_wait(job orch.jobs, detail jsonb) returns interval
--     owner
-- orch.try_event(event_id bigint) returns TABLE(status text, reason text)
--     owner; search_path=pg_catalog, pg_temp
-- orch.unfreeze(repo text) returns text
--     operator, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.unschedule(name text) returns text
--     operator, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.wake_nodes() returns void
--     owner; search_path=pg_catalog, pg_temp
-- orch.want_pull(task_id bigint) returns void
--     owner
-- orch.watch(board_url text, after bigint) returns TABLE(board text, moves jsonb, latest bigint, goes_on boolean)
--     operator, reader, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.why(ref text) returns TABLE(at timestamp with time zone, what text)
--     operator, reader, service; with the owner's rights; search_path=pg_catalog, pg_temp
-- orch.without_one(list text[], item text) returns text[]
--     owner
-- orch.word_cards(ids bigint[]) returns bigint[]
--     owner; search_path=pg_catalog, pg_temp
