create or replace function orch.end_job(job_id bigint, status text, error text)
returns void language sql as $$
    update orch.jobs as j set status = end_job.status, finished_at = now(), error = end_job.error, held = null, held_by = null
     where j.id = end_job.job_id and j.status in ('queued', 'running')
$$;
comment on function orch.end_job(bigint, text, text) is 'Makes an unfinished job done, failed or cancelled. A finished one is never touched.';
