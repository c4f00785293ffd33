begin;
\ir support.inc
select * from no_plan();

-- S1, S9: what people may call a task. The first was stopped, the second is its successor, the third another.
select pg_temp.drive('review');
select orch.stop_task('SHOP-007');
select pg_temp.board('i-1', 'to-analyse');
create temp table first  as select min(t.id) as id from orch.tasks as t;
create temp table second as select max(t.id) as id from orch.tasks as t;
select is(orch.find_task(c.ref), c.id, 'S1 ' || c.what)
  from (values ('SHOP-007', (select id from second), 'an unfinished task wins over its stopped namesake'),
               (' shop-007 ', (select id from second), 'in any case, with blanks around'),
               ((select 'SHOP-007#cancelled-' || id from first), (select id from first), 'a tombstoned key means the stopped one'),
               ((select 'shop-007#CANCELLED-' || id from first), (select id from first), 'in any case too'),
               ((select id::text from first), (select id from first), 'a number'),
               ((select '0' || id from first), null, 'that is written as we write it'),
               ('999999999999999999', null, 'one of nobody'),
               ('9999999999999999999999', null, 'one that is too large'),
               ('SHOP-008', null, 'a work item of nobody'),
               ('', null, 'nothing'),
               (null, null, 'null')) as c (ref, id, what);
select orch.stop_task('SHOP-007');
select is(orch.find_task('SHOP-007'), (select id from second), 'S9 of stopped namesakes the newest');
select * from finish();
rollback;
