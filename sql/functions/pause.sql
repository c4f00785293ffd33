create or replace function orch.pause(kind text, name text default '', reason text default '')
returns text language plpgsql as $$
declare
    waiting int;
begin
    perform orch.check_rule(kind, name, array['all', 'agent', 'repo']);
    insert into orch.pauses as p (kind, name, reason) values (pause.kind, coalesce(pause.name, ''), coalesce(pause.reason, ''))
        on conflict on constraint pauses_pkey do update set reason = excluded.reason;
    -- Marked here, so that no claim has to walk over them. Those that are enqueued later are marked by the claim that meets them.
    update orch.jobs as j set (held_by, held) = (select b.held_by, b.words from orch.blocked_by(j.agent, j.repo, j.limit_key, '{}') as b)
     where j.status = 'queued' and j.held is null
       and case pause.kind when 'all' then true when 'agent' then j.agent = pause.name else j.repo = pause.name end;
    get diagnostics waiting = row_count;
    return format('%s is paused; %s queued %s', btrim(pause.kind || ' ' || pause.name), waiting, case when waiting = 1 then 'job waits' else 'jobs wait' end);
end
$$;
comment on function orch.pause(text, text, text) is
    'Lets queued jobs of an agent or a repository (or all) wait; running ones go on. select orch.pause(''agent'', ''developer'', ''quota is used up'')';
