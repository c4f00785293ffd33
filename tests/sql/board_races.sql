begin;
\ir support.inc
select * from no_plan();

-- B4: our own write overtakes a person's STOP on the board, in both orders of delivery.
select pg_temp.drive('architecture');
select pg_temp.board('i-1', 'development', actor => 'bot', at => '2026-02-01 00:00:02');
select matches(pg_temp.board('i-1', 'stop', at => '2026-02-01 00:00:01'), '^routed: cancelled', 'B4 a person''s STOP that is older than our own write still counts');
select matches(pg_temp.board('i-1', 'to-analyse', at => '2026-02-01 00:00:00'), 'newer change', 'B4 a late delivery of an older gesture does no harm');
select matches(pg_temp.board('i-1', 'to-analyse', at => '2026-02-01 00:00:03'), '^routed: started', 'S9 a new task');
select is((select r.reason from orch.receive_event('plane', 'x', 'issue', '{"action": "updated", "issue_id": "i-1", "project_id": "p-1", "state_id": "s-analysis",
    "field": "state", "new_value": "s-stop", "updated_at": "2026-02-01T00:00:05Z", "updated_by": "bot", "actor_id": "alice"}', '{}') as r),
    'cancelled: SHOP-007 is cancelled; jobs cancelled: 0, runs being stopped: 0', 'B4 data read late shows our write, the gesture counts');
-- A quick STOP and To Analyse: the board reads the issue when it delivers, so both deliveries show the second.
select pg_temp.board('i-4', 'to-analyse', seq => 4);
select is((select r.status from orch.receive_event('plane', 'w', 'issue',
    '{"action": "updated", "issue_id": "i-4", "project_id": "p-1", "state_id": "s-to-analyse", "field": "state", "new_value": "s-stop",
      "updated_at": "2026-05-01T00:00:00Z", "updated_by": "alice", "actor_id": "alice", "sequence_id": 4}', '{}') as r), 'routed', 'S1 a STOP hidden by a later change counts');
select is((select t.stage from orch.tasks as t where t.id = orch.find_task('SHOP-004')), 'cancelled', 'S1 and cancels');
select matches((select r.reason from orch.receive_event('plane', 'v', 'issue',
    '{"action": "updated", "issue_id": "i-4", "project_id": "p-1", "state_id": "s-to-analyse", "field": "state", "new_value": "s-to-analyse",
      "updated_at": "2026-05-01T00:00:00Z", "updated_by": "alice", "actor_id": "alice", "sequence_id": 4, "title": "Add a cart"}', '{}') as r), 'started', 'S9 then it starts anew');
-- One drag is two deliveries. The second is read when we have written already, and must not be a second gesture.
select matches((select r.reason from orch.receive_event('plane', 'g1', 'issue',
    '{"action": "updated", "issue_id": "i-6", "project_id": "p-1", "state_id": "s-to-analyse", "field": "sort_order",
      "updated_at": "2026-06-01T00:00:00Z", "updated_by": "alice", "actor_id": "alice", "sequence_id": 6, "title": "Add a lid"}', '{}') as r), '^started', 'B4 the first delivery of a drag counts');
select is((select s.result from orch.stop_task('SHOP-006') as s), 'cancelled', 'S1 STOP in psql');
select is((select r.reason from orch.receive_event('plane', 'g2', 'issue',
    '{"action": "updated", "issue_id": "i-6", "project_id": "p-1", "state_id": "s-analysis", "field": "state", "new_value": "s-to-analyse",
      "old_value": "s-backlog", "updated_at": "2026-06-01T00:00:09Z", "updated_by": "bot", "actor_id": "alice", "sequence_id": 6}', '{}') as r),
    'this change of status is known from another delivery', 'S5 its second, shown with our write and its time, begins nothing');
select matches((select r.reason from orch.receive_event('plane', 'g3', 'issue',
    '{"action": "updated", "issue_id": "i-6", "project_id": "p-1", "state_id": "s-to-analyse", "field": "state", "new_value": "s-to-analyse",
      "old_value": "s-analysis", "updated_at": "2026-06-01T00:00:10Z", "updated_by": "alice", "actor_id": "alice", "sequence_id": 6, "title": "Add a lid"}', '{}') as r), '^started', 'S9 a gesture of its own begins anew');
select is((select r.reason from orch.receive_event('plane', 'g4', 'issue',
    '{"action": "updated", "issue_id": "i-6", "project_id": "p-1", "state_id": "s-analysis", "field": "state", "new_value": "s-to-analyse",
      "old_value": "s-analysis", "updated_at": "2026-06-01T00:00:11Z", "updated_by": "bot", "actor_id": "alice", "sequence_id": 6}', '{}') as r) ~ 'is known', false, 'B4 when that was told by name, the next one is another gesture');
-- Two drags in a row, both shown with a write of ours that overtook them: their times are the same, and they are two gestures.
select is((select s.result from orch.stop_task('SHOP-006') as s), 'cancelled', 'S1 STOP in psql again');
select matches((select string_agg(r.status || ': ' || r.reason, '; ' order by m.at) from (values (1, 's-todo', 's-analysis'), (2, 's-to-analyse', 's-todo')) as m (at, now, before)
    cross join lateral orch.receive_event('plane', 'g5-' || m.at, 'issue', jsonb_build_object('action', 'updated', 'issue_id', 'i-6', 'project_id', 'p-1',
        'state_id', 's-analysis', 'field', 'state', 'new_value', m.now, 'old_value', m.before, 'updated_at', '2026-06-02T00:00:00Z', 'updated_by', 'bot',
        'actor_id', 'alice', 'sequence_id', 6, 'title', 'Add a lid'), '{}') as r), 'routed: started$', 'S9 the second one begins anew');
-- STOP, Todo and To Analyse in one go: the delivery of the STOP shows the last, our write overtakes the other two, and a STOP through psql comes between.
select is((select s.result from orch.stop_task('SHOP-006') as s), 'cancelled', 'S1 STOP in psql a third time');
create function pg_temp.told(key text, shown text, now text, before text, at text, by_whom text) returns text language sql as $$
    select r.reason from orch.receive_event('plane', key, 'issue', jsonb_build_object('action', 'updated', 'issue_id', 'i-6', 'project_id', 'p-1',
        'state_id', shown, 'field', 'state', 'new_value', now, 'old_value', before, 'updated_at', at, 'updated_by', by_whom,
        'actor_id', 'alice', 'sequence_id', 6, 'title', 'Add a lid'), '{}') as r
$$;
select matches(pg_temp.told('g6', 's-to-analyse', 's-stop', 's-analysis', '2026-06-03T00:00:00Z', 'alice'), '^started', 'S9 To Analyse is known from the delivery of the STOP before it');
select is((select s.result from orch.stop_task('SHOP-006') as s), 'cancelled', 'S1 and stopped in psql');
select matches(pg_temp.told('g7', 's-analysis', 's-todo', 's-stop', '2026-06-03T00:00:05Z', 'bot'), 'todo', 'B4 what came between starts nothing');
select is(pg_temp.told('g8', 's-analysis', 's-to-analyse', 's-todo', '2026-06-03T00:00:05Z', 'bot'), 'this change of status is known from another delivery',
          'S5 nor does the delivery that names what was acted upon');
select matches(pg_temp.told('g9', 's-analysis', 's-to-analyse', 's-analysis', '2026-06-03T00:00:09Z', 'bot'), '^started', 'S9 the next one is a gesture of its own');
select matches(pg_temp.board('i-9', 'stop', seq => 9), 'unknown issue', 'TC-01 STOP on an unknown issue is ignored');
update orch.projects set states_read_at = now() - interval '1 minute';
select matches(pg_temp.board('i-9', 'nonsense', seq => 9), '^waiting: ', 'B2 an unknown status asks the board');
select matches(pg_temp.board('i-8', 'to-analyse', seq => 8, title => ' '), 'the title is empty', 'P4 QG-0 refuses an empty title');
select matches(pg_temp.board('i-8', 'to-analyse', seq => 8, title => repeat('x', 201)), 'at most 200', 'P4 QG-0 refuses a long title');
select is((select r.status from orch.receive_event('plane', 'x', 'issue', '{}', '{}') as r), 'duplicate', 'W2 a repeated delivery changes nothing');
select matches((select r.reason from orch.receive_event('plane', 'y', 'issue', '{"project_id": "nowhere"}', '{}') as r), 'unknown project', 'W6 an unknown project is ignored');
select is((select r.status from orch.receive_event('plane', 'z', 'issue', '{"project_id": "p-1", "issue_id": "i-5", "updated_at": "yesterday-ish", "state_id": "s-stop", "field": "state"}', '{}') as r),
          'failed', 'W3 an event that cannot be routed is kept as failed');
select is((select count(*) from orch.events as e where e.status = 'failed' and e.next_try_at is not null), 1::bigint, 'W3 and will be tried again');
select * from finish();
rollback;
