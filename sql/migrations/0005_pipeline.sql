-- The merge with the default branch is tried in memory before a deploy, and the tree that a merge leaves is looked at.
alter table orch.deploys add column checked_at timestamptz, add column checked_onto text;
comment on column orch.deploys.checked_at is 'When the branch was found to merge cleanly; null = it is to be tried. Confirm Deploy has it tried again.';
comment on column orch.deploys.checked_onto is 'Commit of the default branch with which that was tried.';
alter table orch.outbox drop constraint outbox_kind_check;
alter table orch.outbox add constraint outbox_kind_check check (kind in (
    'board_comment', 'board_status', 'alert', 'card', 'task_start', 'pull_open', 'merge_check', 'pull_merge', 'archive', 'worktree_remove',
    'branch_delete'));
alter table orch.projects add column markers text[] not null default '{}';
comment on column orch.projects.markers is 'Paths that the default branch must hold after each merge: the integrity guard. Empty = it looks for none.';

-- Its successor has one parameter more: the kinds that a node knows.
drop function if exists orch.claim_effects(text, int, bigint[]);

-- Labels that act.
insert into orch.settings (name, published) values
    ('auto_labels_enabled', 'off'), ('auto_labels_repos', ''), ('auto_approve_label', 'auto-approve'), ('auto_deploy_label', 'auto-deploy');
create index transitions_label on orch.transitions (task_id) where actor like 'label %';
create index deploys_label on orch.deploys (task_id) where confirmed_by like 'label %';

-- What holds the processes of a run; and the successors that tell of it.
alter table orch.agent_runs add column cgroup text;
comment on column orch.agent_runs.cgroup is 'Directory of the control group that holds its processes; null = its warden alone holds them.';
alter table orch.nodes add column containment text;
comment on column orch.nodes.containment is 'What holds the processes of a run: cgroup, or its warden alone; null = the node did not say.';
drop function if exists orch.node_start(text, uuid, int, int, text, interval, text);
drop function if exists orch.run_started(bigint, int, text, text, text, bigint);
drop function if exists orch.leftover_runs(text);

-- How long a claim may go without a start.
insert into orch.settings (name, published) values ('start_within', '1800 s');
