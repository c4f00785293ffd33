begin;
\ir support.inc
select * from no_plan();

create temp table wanted as
select unnest(array['counts', 'max_concurrency', 'resilience', 'reconcile', 'reaper', 'post_deploy', 'task_deps', 'serial_gate', 'auto_labels', 'stop',
                    'disk_watchdog', 'build_cache', 'post_deploy', 'nodes', 'outbox', 'recent']) as block;
select is_empty($$select w.block from wanted as w where not orch.queue_report() ? w.block$$, 'H1 every block is there');
select is_empty($$select b.key, b.value from jsonb_each(orch.queue_report()) as b where b.value ? 'error'$$, 'H1 and none fails');
select results_eq($$select k from jsonb_object_keys(orch.queue_report() -> 'stop') as k order by k$$,
                  $$values ('cancelled_count'), ('deferred_pending'), ('enabled'), ('recent'), ('repos')$$, 'TC-09 what the block of STOP tells');
select is((orch.queue_report() -> 'reaper' ->> 'enabled')::boolean, false, 'H1 nobody has the reaper''s duty yet');
select orch.take_duty('reaper', 'n1', '10 s');
select results_eq($$select r -> 'enabled', r ->> 'node', r ->> 'open_runs' from orch.report_reaper() as r$$, $$values ('true'::jsonb, 'n1', '0')$$, 'H1 now one has');
update orch.nodes set beat_at = now() - interval '1 hour' where node = 'n2';
select is(orch.report_reaper() -> 'overdue_nodes', '["n2"]', 'H1 a node that is overdue is named');

-- TC-09: a block whose query fails.
alter view orch.stops rename to stops_away;
select matches(orch.queue_report() -> 'stop' ->> 'error', 'orch.stops', 'TC-09 a failing block carries its error');
select is_empty($$select w.block from wanted as w where not orch.queue_report() ? w.block or w.block <> 'stop' and (orch.queue_report() -> w.block) ? 'error'$$,
                'TC-09 the rest is whole');
select * from finish();
rollback;
