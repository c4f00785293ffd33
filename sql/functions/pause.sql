create or replace function orch.pause(kind text, name text default '', reason text default '')
returns text language plpgsql as $$
declare
    waiting int;
begin
    perform orch.check_rule(kind, name, array['all', 'agent', 'repo']);
    insert into orch.pauses as p (kind, name, reason) values (pause.kind, coalesce(pause.name, ''), coalesce(pause.reason, ''))
        on conflict on constraint pauses_pkey do update set reason = excluded.reason, paused_by = session_user;
    -- Marked here, so that no claim has to walk over them. What others hold at this moment, or enqueue later, is marked by the claim that meets it.
    update orch.jobs as j set (held_by, held) = (select b.held_by, b.words from orch.blocked_by(j.agent, j.repo, j.limit_key, '{}') as b)
     where j.id in (select q.id from orch.jobs as q
                     where q.status = 'queued' and q.held is null
                       and orch.rule_covers(pause.kind, pause.name, q.agent, q.repo, q.limit_key)
                       for update skip locked);
    get diagnostics waiting = row_count;
    return format('%s is paused; %s queued %s', btrim(pause.kind || ' ' || pause.name), waiting, case when waiting = 1 then 'job waits' else 'jobs wait' end);
end
$$;
comment on function orch.pause(text, text, text) is
    'Lets queued jobs of an agent or a repository (or all) wait; running ones go on. select orch.pause(''agent'', ''developer'', ''quota is used up'')';
