-- A time that the other side names is waited for, and a little longer: those who were told the same time should not all come at once.
create or replace function orch.transient_wait(job orch.jobs, detail jsonb)
returns interval language sql volatile as $$
    select greatest(orch.back_off(orch.setting('retry_base')::interval, job.transients + 1, '1 hour'),
                    least(make_interval(secs => coalesce((detail ->> 'wait_ms')::float8, 0) / 1000), interval '1 day') * (1 + 0.1 * random()))
$$;
comment on function orch.transient_wait(orch.jobs, jsonb) is 'How long a job waits after a transient failure: back-off, or what the service behind its agent asked for (detail.wait_ms), whichever is longer.';
