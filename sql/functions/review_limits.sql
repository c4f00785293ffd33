create or replace function orch.review_limits(job_ids bigint[])
returns void language plpgsql as $$
begin
    if exists (select from orch.limits) then
        perform orch.review_blocks((select array_agg(distinct format('limit %s %s', r.kind, r.name))
                                      from orch.jobs as j cross join lateral orch.rules_for(j.agent, j.repo, j.limit_key) as r
                                     where j.id = any (job_ids)));
    end if;
end
$$;
comment on function orch.review_limits(bigint[]) is 'Jobs have left their places: those that waited for a limit that they fell under may follow.';
