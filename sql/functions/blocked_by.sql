-- Limits are asked only where no pause stands: they count.
create or replace function orch.blocked_by(agent text, repo text, limit_key text, admitted bigint[], out held_by text, out words text)
language sql as $$
    with mine as (select r.kind, r.name from orch.rules_for(agent, repo, limit_key) as r),
    paused as (
        select format('pause %s %s', p.kind, p.name) as held_by,
               format('paused: %s since %s', btrim(p.kind || ' ' || p.name), to_char(p.paused_at, 'YYYY-MM-DD HH24:MI'))
               || coalesce(': ' || nullif(p.reason, ''), '') as words
          from orch.pauses as p join mine as m on m.kind = p.kind and m.name = p.name)
    select p.held_by, p.words from paused as p
    union all
    select format('limit %s %s', l.kind, l.name),
           format('concurrency limit of %s: ', btrim(l.kind || ' ' || l.name))
           || concat_ws(', ', l.at_once || ' at once', l.per_period || ' in ' || l.period || ' (next at '
                        || to_char(greatest(l.window_from + l.period, now()), 'YYYY-MM-DD HH24:MI:SS') || ')')
      from orch.limits as l join mine as m on m.kind = l.kind and m.name = l.name
     where not exists (select from paused)
       and orch.limit_room(l.kind, l.name) <= (
           select count(*) from orch.jobs as a where a.id = any (admitted) and orch.rule_covers(l.kind, l.name, a.agent, a.repo, a.limit_key))
     limit 1
$$;
comment on function orch.blocked_by(text, text, text, bigint[]) is 'The pause or limit under which a job may not start now, beside those that are admitted already; null = none.';
