create or replace function orch.report_recent()
returns jsonb language sql stable as $$
    select coalesce(jsonb_agg(to_jsonb(r)), '[]') from (select * from orch.recent limit 20) as r
$$;
comment on function orch.report_recent() is 'Block of GET /queue: the last runs.';
