begin;
\ir support.inc
select * from no_plan();

-- L: a singleton loop runs on one node.
select ok(orch.take_duty('x', 'n1', '10 s'), 'L the first who asks has it');
select ok(not orch.take_duty('x', 'n2', '10 s'), 'L the other has not');
select ok(orch.take_duty('x', 'n1', '10 s'), 'L the first keeps it');
select ok(orch.take_duty('y', 'n2', '10 s'), 'L each duty for itself');
update orch.duties set until_at = now() + interval '1 s', ran_at = null where duty = 'x';
select ok(orch.take_duty('x', 'n1', '10 s'), 'L and keeps it longer');
select is((select d.until_at from orch.duties as d where d.duty = 'x'), now() + interval '10 s', 'L by what it says');
update orch.duties set until_at = now() where duty = 'x';
select ok(orch.take_duty('x', 'n2', '10 s'), 'L it moves when its time is over');
select ok(not orch.take_duty('x', 'n1', '10 s'), 'L and the first has it no more');
select orch.node_stop('n2', '00000000-0000-0000-0000-000000000002');
select ok(orch.take_duty('x', 'n1', '10 s'), 'L it moves at once when its node has stopped');
update orch.duties set node = 'never-seen' where duty = 'x';
select ok(not orch.take_duty('x', 'n1', '10 s'), 'L but waits for a node that runs no agents, and is not listed');
update orch.duties set node = 'n1' where duty = 'x';

-- L: a round.
select results_eq($$select r.is_ours, r.count, r.goes_on, r.failed from orch.run_duty('schedules', 'n1', '10 s') as r$$, $$values (true, 0, false, null::text)$$, 'L nothing was due');
select results_eq($$select r.is_ours, r.count, r.goes_on, r.failed from orch.run_duty('schedules', 'n3', '10 s') as r$$, $$values (false, 0, false, null::text)$$, 'L nor is it of another node');
select is((select r.failed from orch.run_duty(d, 'n1', '10 s') as r), null, 'L ' || d || ' runs')
  from unnest(array['reaper', 'sweeper', 'event_retry', 'holds', 'retention', 'board_states']) as d;
select orch.set_setting('retention_jobs', '1 s');
update orch.settings set override = 'nonsense' where name = 'retention_jobs';
select matches((select r.failed from orch.run_duty('retention', 'n1', '10 s') as r), 'nonsense', 'L a round that fails says why');
select matches((select d.failed from orch.duties as d where d.duty = 'retention'), 'nonsense', 'L to all');
update orch.settings set override = null where name = 'retention_jobs';
select is((select r.failed from orch.run_duty('retention', 'n1', '10 s') as r), null, 'L and is well again');
select is((select d.failed from orch.duties as d where d.duty = 'retention'), null, 'L for all');
select is(orch.queue_report() -> 'upkeep' -> 'retention' ->> 'node', 'n1', 'H1 GET /queue says which node has a duty');
select * from finish();
rollback;
