create or replace function orch.ci_asked(task_id bigint, error text)
returns void language sql as $$
    update orch.tasks as t set ci_error = left(ci_asked.error, 2000) where t.id = ci_asked.task_id and t.ci_error is distinct from left(ci_asked.error, 2000)
$$;
comment on function orch.ci_asked(bigint, text) is 'The forge was asked for the commit statuses of an idle task; error says why that came to nothing, null = it did not.';
