create or replace function orch.finish_deploy(task_id bigint, verdict text, detail text)
returns void language plpgsql as $$
declare
    freed text;
begin
    update orch.deploys as d set phase = 'C', finished_at = now(), verdict = finish_deploy.verdict, detail = finish_deploy.detail
     where d.task_id = finish_deploy.task_id and d.finished_at is null;
    delete from orch.merge_leases as l where l.task_id = finish_deploy.task_id returning l.repo into freed;
    if freed is not null then
        perform orch.review_leases(freed);
    end if;
end
$$;
comment on function orch.finish_deploy(bigint, text, text) is 'Closes the task''s deploy, if one is open, and frees its merge lease.';
