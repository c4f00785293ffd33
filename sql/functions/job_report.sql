create or replace function orch.job_report(job_id bigint)
returns jsonb language sql stable as $$
    select jsonb_build_object(
               'job', to_jsonb(j) || jsonb_build_object('work_item', (select orch.original_key(t.work_item) from orch.tasks as t where t.id = j.task_id)),
               'runs', (select coalesce(jsonb_agg(to_jsonb(r) order by r.id), '[]') from orch.agent_runs as r where r.job_id = j.id))
      from orch.jobs as j where j.id = job_report.job_id
$$;
comment on function orch.job_report(bigint) is 'What GET /jobs/{id} answers: the job and its runs; null = no such job.';
