create or replace function orch.review_leases(repo text)
returns void language plpgsql as $$
declare
    winner bigint;
begin
    perform pg_advisory_xact_lock(hashtext('orch.merge_leases'), hashtext(review_leases.repo));
    insert into orch.merge_leases (repo, task_id)
    select d.repo, d.task_id from orch.deploys as d
     where d.repo = review_leases.repo and d.finished_at is null order by d.id limit 1
        on conflict do nothing
    returning task_id into winner;
    if winner is not null then
        perform orch.begin_deploy(winner);
    end if;
end
$$;
comment on function orch.review_leases(text) is 'Gives a free merge lease to the deploy that has waited longest.';
