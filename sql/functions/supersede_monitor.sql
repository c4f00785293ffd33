create or replace function orch.supersede_monitor(repo text)
returns void language sql as $$
    select orch.end_monitor(m, 'SUPERSEDED') from orch.monitors as m where m.repo = supersede_monitor.repo and m.ended_at is null
$$;
comment on function orch.supersede_monitor(text) is 'The next deploy of a repository begins: what a check finds from now on says nothing of the one before.';
