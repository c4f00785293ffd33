create or replace function orch.set_limit(kind text, name text, at_once int default null, per_period int default null, period interval default null)
returns text language plpgsql as $$
begin
    perform orch.check_rule(kind, name, array['all', 'agent', 'repo', 'key']);
    if at_once is null and per_period is null then
        raise exception 'a limit needs at_once or per_period; orch.clear_limit(''%'', ''%'') takes it away', kind, name using errcode = 'OR422';
    elsif at_once not between 1 and 1000000 then
        raise exception 'at_once % is out of range: accepted is 1 to 1000000; to stop all, use orch.pause()', at_once using errcode = 'OR422';
    elsif per_period not between 1 and 1000000000 then
        raise exception 'per_period % is out of range: accepted is 1 to 1000000000; to stop all, use orch.pause()', per_period using errcode = 'OR422';
    elsif (per_period is null) <> (period is null) then
        raise exception 'per_period and period go together: per_period is %, period is %', coalesce(per_period::text, 'null'), coalesce(period::text, 'null')
            using errcode = 'OR422';
    elsif period not between interval '1 second' and interval '366 days' then
        raise exception 'period % is out of range: accepted is 1 second to 366 days', period using errcode = 'OR422';
    end if;
    perform pg_advisory_xact_lock(orch.limit_key());
    insert into orch.limits as l (kind, name, at_once, per_period, period)
    values (set_limit.kind, coalesce(set_limit.name, ''), set_limit.at_once, set_limit.per_period, set_limit.period)
        on conflict on constraint limits_pkey do update
       set at_once = excluded.at_once, per_period = excluded.per_period, period = excluded.period, set_at = now(), set_by = session_user;
    perform orch.review_blocks(array[format('limit %s %s', kind, coalesce(name, ''))]);
    return format('limit of %s: %s', btrim(kind || ' ' || name), concat_ws(', ', at_once || ' at once', per_period || ' in ' || period));
end
$$;
comment on function orch.set_limit(text, text, int, int, interval) is
    'Sets how many jobs may run at once, and how many may start in a period: of all, an agent, a repo or a key. select orch.set_limit(''repo'', ''acme/shop'', at_once => 2)';
