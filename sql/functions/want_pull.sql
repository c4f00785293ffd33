create or replace function orch.want_pull(task_id bigint)
returns void language sql as $$
    select orch.add_effect(t.id, 'pull_open', jsonb_build_object(
               'title', format('%s: %s', t.work_item, t.title), 'head', t.head_sha,
               'body', format('%s, made by orchd. The branch holds its documents in docs/work-items/%s/.', t.work_item, t.work_item)))
      from orch.tasks as t
     where t.id = want_pull.task_id and t.pull_number is null
       and not exists (select from orch.outbox as o where o.task_id = t.id and o.kind = 'pull_open' and o.status = 'pending')
$$;
comment on function orch.want_pull(bigint) is 'Promises a pull request for the task''s branch unless there is one or one is promised.';
