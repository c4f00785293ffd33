-- Loops that keep it true: board and forge are asked, because a lost webhook may cost time but never the task; disks are watched, build caches pruned.
alter table orch.projects
    add column polled_at timestamptz,
    add column polled_to timestamptz not null default now(),
    add column poll_error text;
comment on column orch.projects.polled_at  is 'When the board was last asked for changed issues.';
comment on column orch.projects.polled_to  is 'Newest change of an issue that the poll has seen, by the board''s clock. What is older than the project is nobody''s gesture to us.';
comment on column orch.projects.poll_error is 'Why the last such poll came to nothing; null = it did not.';
alter table orch.tasks add column ci_asked_at timestamptz;
comment on column orch.tasks.ci_asked_at is 'When the reconciler last asked the forge for the commit statuses of head_sha.';

-- Disks that fill up.
create table orch.disks (
    node           text        not null,
    path           text        not null,
    used_percent   numeric(4, 1),
    inodes_percent numeric(4, 1),
    free_bytes     bigint,
    error          text,
    is_full        boolean     not null default false,
    changed_at     timestamptz not null default now(),
    seen_at        timestamptz not null default now(),
    primary key (node, path),
    check ((error is null) = (used_percent is not null))
);
comment on table  orch.disks                is 'File systems that nodes watch, a row for each path.';
comment on column orch.disks.node           is 'Node that looks.';
comment on column orch.disks.path           is 'A path in the file system.';
comment on column orch.disks.used_percent   is 'Space in use, of what those without privileges may use, as df(1) counts it.';
comment on column orch.disks.inodes_percent is 'Inodes in use; null = the file system does not count them.';
comment on column orch.disks.free_bytes     is 'Space left for those without privileges.';
comment on column orch.disks.error          is 'Why the last look came to nothing; null = it did not.';
comment on column orch.disks.is_full        is 'Whether it counts as full: since it reached the threshold, until it fell below it by more than the hysteresis.';
comment on column orch.disks.changed_at     is 'When is_full last changed.';
comment on column orch.disks.seen_at        is 'When the node looked last.';

-- The pruner of build caches.
create table orch.build_cache (
    only_row   boolean     primary key default true check (only_row),
    began_at   timestamptz,
    ended_at   timestamptz,
    node       text,
    last_error text,
    runs       bigint      not null default 0
);
comment on table  orch.build_cache            is 'The pruner of build caches: its one row.';
comment on column orch.build_cache.only_row   is 'Always true: there is one row.';
comment on column orch.build_cache.began_at   is 'When the last pruning began; null = there was none.';
comment on column orch.build_cache.ended_at   is 'When the last pruning ended; null while it is under way.';
comment on column orch.build_cache.node       is 'Node that pruned last.';
comment on column orch.build_cache.last_error is 'Why nothing was pruned at the last time; null = it was.';
comment on column orch.build_cache.runs       is 'Prunings that went well.';
insert into orch.build_cache default values;
