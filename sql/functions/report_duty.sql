create or replace function orch.report_duty(duty text)
returns jsonb language sql stable as $$
    select jsonb_build_object('enabled', coalesce(d.until_at > now(), false), 'node', d.node, 'until_at', d.until_at,
                              'ran_at', d.ran_at, 'failed', d.failed)
      from (select report_duty.duty) as w left join orch.duties as d on d.duty = w.duty
$$;
comment on function orch.report_duty(text) is 'A duty: whether a node has it now (enabled), which, until when, when it ran last, and why its last round failed.';
