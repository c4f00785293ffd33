drop view if exists orch.costs;
create view orch.costs as
select orch.original_key(t.work_item) as work_item, date_trunc('day', r.claimed_at)::date as day, count(*) as runs, sum(r.ended_at - r.started_at) as time,
       sum(r.tokens_in) as tokens_in, sum(r.tokens_out) as tokens_out, sum(r.tokens_cache) as tokens_cache, sum(r.cost_usd) as cost_usd
  from orch.agent_runs as r left join orch.tasks as t on t.id = r.task_id
 group by 1, 2;
comment on view orch.costs is 'Runs, time, tokens and cost per work item and day. Per task: select work_item, sum(cost_usd) from orch.costs group by 1';
comment on column orch.costs.work_item is 'Work item; null = jobs without a task.';
comment on column orch.costs.day is 'Day of the claim.';
comment on column orch.costs.runs is 'Runs.';
comment on column orch.costs.time is 'Time for which their processes ran.';
comment on column orch.costs.tokens_in is 'Tokens read.';
comment on column orch.costs.tokens_out is 'Tokens written.';
comment on column orch.costs.tokens_cache is 'Tokens from the cache.';
comment on column orch.costs.cost_usd is 'Cost in US dollars.';
