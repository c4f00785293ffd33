create or replace function orch.report_reconcile()
returns jsonb language sql stable as $$
    select orch.report_duty('reconciler')
        || jsonb_build_object(
               'grace', orch.setting('reconcile_grace'),
               'moved', coalesce((d.tally ->> 'moved')::bigint, 0),
               'failures', coalesce((d.tally ->> 'failed')::bigint, 0),
               'skipped', '{"terminal": 0, "escalated": 0, "blocked": 0, "needs_input": 0}' || coalesce(d.tally, '{}') - 'moved' - 'failed',
               'idle', (select coalesce(jsonb_agg(to_jsonb(i)), '[]')
                          from (select t.work_item, t.stage, t.attention, t.stage_since from orch.idle_tasks() as t
                                 where not orch.is_terminal(t.stage) order by t.id limit 20) as i),
               'board_poll', orch.report_duty('board_poll') || (
                   select jsonb_build_object('oldest', min(p.polled_at),
                                             'errors', coalesce(jsonb_object_agg(p.name, p.poll_error) filter (where p.poll_error is not null), '{}'))
                     from orch.projects as p))
      from (values ('reconciler')) as w (duty) left join orch.duties as d using (duty)
$$;
comment on function orch.report_reconcile() is 'Block of GET /queue: the reconciler, how many tasks it has moved on and left alone so far, and who is idle now.';
