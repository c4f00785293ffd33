create or replace function orch.report_outbox()
returns jsonb language sql stable as $$
    select jsonb_build_object(
        'pending', (select count(*) from orch.outbox as o where o.status = 'pending'),
        'retrying', (select count(*) from orch.outbox as o where o.status = 'pending' and o.last_error is not null),
        'dead', (select coalesce(jsonb_agg(to_jsonb(d)), '[]') from (select * from orch.dead_effects limit 20) as d))
$$;
comment on function orch.report_outbox() is 'Block of GET /queue: effects.';
