-- What was spent today is asked for once a second while somebody looks at the page. Runs are written in the order in which they are claimed,
-- so an index of a few pages finds those of a day, and costs a claim next to nothing.
create index agent_runs_claimed on orch.agent_runs using brin (claimed_at) with (pages_per_range = 16, autosummarize = on);

-- For lists of unfinished tasks, the newest first, beside millions that have ended.
create index tasks_unfinished_newest on orch.tasks (id) where finished_at is null;
