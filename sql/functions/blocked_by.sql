create or replace function orch.blocked_by(agent text, repo text, limit_key text, admitted bigint[], out held_by text, out words text)
language sql as $$
    select b.held_by, b.words from (
        select 1 as rank, format('pause %s %s', p.kind, p.name) as held_by,
               format('paused: %s since %s', btrim(p.kind || ' ' || p.name), to_char(p.paused_at, 'YYYY-MM-DD HH24:MI')) || coalesce(': ' || nullif(p.reason, ''), '') as words
          from orch.pauses as p where (p.kind, p.name) in (select r.kind, r.name from orch.rules_for(agent, repo, limit_key) as r)
        union all
        select 2, format('limit %s %s', l.kind, l.name),
               format('concurrency limit of %s: ', btrim(l.kind || ' ' || l.name))
               || concat_ws(', ', l.at_once || ' at once', l.per_period || ' in ' || l.period || ' (next at '
                            || to_char(greatest(l.window_from + l.period, now()), 'YYYY-MM-DD HH24:MI:SS') || ')')
          from orch.limits as l
         where (l.kind, l.name) in (select r.kind, r.name from orch.rules_for(agent, repo, limit_key) as r)
           and not exists (select from orch.pauses as p where (p.kind, p.name) in (select r.kind, r.name from orch.rules_for(agent, repo, limit_key) as r))
           and orch.limit_room(l.kind, l.name) <= (
               select count(*) from orch.jobs as a
                where a.id = any (admitted) and (l.kind, l.name) in (select r.kind, r.name from orch.rules_for(a.agent, a.repo, a.limit_key) as r))
        ) as b order by b.rank limit 1
$$;
comment on function orch.blocked_by(text, text, text, bigint[]) is 'The pause or limit under which a job may not start now, beside those that are admitted already; null = none.';
