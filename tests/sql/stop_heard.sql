begin;
\ir support.inc
select * from no_plan();

-- S11: from when a STOP counts. One row a case: how it came, what the task and its run say.
create temp table run as select pg_temp.drive('review') as id;
create temp table told as select '2026-01-02T03:04:05.678901Z'::timestamptz as at;
create function pg_temp.stop_delivery(key text, heard timestamptz)
returns text language sql as $$
    select r.status || ': ' || r.reason from orch.receive_event('plane', key, 'issue', jsonb_build_object(
        'action', 'updated', 'issue_id', 'i-1', 'project_id', 'p-1', 'state_id', 's-stop', 'field', 'state', 'new_value', 's-stop',
        'updated_at', '2027-01-01', 'updated_by', 'alice', 'actor_id', 'alice'), '{}', heard) as r
$$;

savepoint untouched;
select matches(pg_temp.stop_delivery('now', (select at from told)), '^routed: cancelled', 'S11 a delivery with its arrival stops');
select is((select t.cancel_heard_at from orch.tasks as t), (select at from told), 'S11 the task knows when its STOP was heard of');
select is((select r.stop_at from orch.agent_runs as r join run using (id)), (select at from told), 'S11 and the run counts from there');
select is((select s.asked_at from orch.runs_to_stop('n1') as s), (select at from told), 'S11 which the node is told');
select is((select s.asked_at from orch.beat('n1', '00000000-0000-0000-0000-000000000001', false) as s), (select at from told), 'S11 by a heartbeat too');
rollback to untouched;

-- An orchd of before sends no arrival.
select matches(pg_temp.board('i-1', 'stop'), '^routed: cancelled', 'S11 a delivery without its arrival stops');
select ok((select t.cancel_heard_at = r.stop_at and r.stop_at >= r.claimed_at from orch.tasks as t, orch.agent_runs as r join run using (id)),
          'S11 it counts from the call that brought it');
rollback to untouched;

-- The status is not known yet: the event waits, and keeps its arrival.
delete from orch.board_states where state_id = 's-stop';
update orch.projects set states_read_at = null;
select matches(pg_temp.stop_delivery('late', (select at from told)), '^waiting', 'S11 a STOP that waits for the board');
select orch.put_board_states((select p.id from orch.projects as p where p.name = 'shop'), '[{"id": "s-stop", "name": "STOP", "group": "started"}]', 'bot');
select orch.try_event((select e.id from orch.events as e where e.delivery_key = 'late'));
select is((select t.cancel_heard_at from orch.tasks as t where t.stage = 'cancelled'), (select at from told), 'S11 counts from when its delivery arrived');
rollback to untouched;

select is((select s.result from orch.stop_task('SHOP-007', heard_at => (select at from told)) as s), 'cancelled', 'S11 the HTTP door says when it heard');
select is((select r.stop_at from orch.agent_runs as r join run using (id)), (select at from told), 'S11 and its run counts from there');
rollback to untouched;

select is((select s.result from orch.stop_task('SHOP-007') as s), 'cancelled', 'S11 in psql');
select ok((select t.cancel_heard_at > now() and t.cancel_heard_at < clock_timestamp() from orch.tasks as t), 'S11 the call itself counts');
rollback to untouched;

-- A deferred one: the task knows when it was heard of, the run counts from when it was applied.
insert into orch.merge_leases (repo, task_id) select t.repo, t.id from orch.tasks as t;
select is((select s.result from orch.stop_task('SHOP-007', heard_at => (select at from told)) as s), 'deferred', 'S7 a deferred STOP');
select is((select t.cancel_heard_at from orch.tasks as t), (select at from told), 'S11 is heard of when it is');
select is((select r.stop_at from orch.agent_runs as r join run using (id)), null, 'S7 and stops nothing yet');
delete from orch.merge_leases;
select is(orch.sweep_cancels(), 1, 'S7 the window has closed');
select ok((select r.stop_at > now() from orch.agent_runs as r join run using (id)), 'S11 its run counts from when it was applied');
select * from finish();
rollback;
