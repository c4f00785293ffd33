begin;
\ir support.inc
select * from no_plan();

create function pg_temp.look(used numeric, inodes numeric default 10, path text default '/data')
returns int language sql as $$
    select orch.note_disks('n1', jsonb_build_array(jsonb_build_object('path', look.path, 'used_percent', used, 'inodes_percent', inodes, 'free_bytes', 1e9)), 90, 5)
$$;
create function pg_temp.alerts()
returns bigint language sql as $$ select count(*) from orch.outbox as o where o.kind = 'alert' and o.lane = 'chat/node/n1' $$;

select is(pg_temp.look(89.9), 0, 'L8 below the threshold there is nothing to tell');
select is(pg_temp.look(90), 1, 'L8 at the threshold it is full');
select is(pg_temp.look(99), 0, 'L8 told once');
select is(pg_temp.look(85), 0, 'L8 within the hysteresis it stays full');
select is(pg_temp.look(92), 0, 'L8 and nothing flaps');
select is(pg_temp.look(84.9), 1, 'L8 below it there is room again');
select is(pg_temp.look(89), 0, 'L8 and it is not full yet');
select is(pg_temp.alerts(), 2::bigint, 'L8 an alert for each crossing');
select is(pg_temp.look(10, 95), 1, 'L8 a disk without inodes is full');
select matches((select o.payload ->> 'text' from orch.outbox as o order by o.id desc limit 1), '95% of its inodes in use', 'L8 which is told');
select orch.note_disks('n1', '[{"path": "/data", "error": "gone"}]', 90, 5);
select results_eq($$select d.is_full, d.error from orch.disks as d$$, $$values (true, 'gone')$$, 'L8 who cannot look does not know better');
select is(pg_temp.look(10, null, '/other'), 0, 'L8 a file system without inodes counts by its space');
select results_eq($$select d.path from orch.disks as d$$, $$values ('/other')$$, 'L8 a path that is not watched any more is forgotten');
select orch.note_disks('n2', '[{"path": "/other", "used_percent": 95, "free_bytes": 1}]', 90, 5);
select results_eq($$select r ->> 'full', jsonb_array_length(r -> 'disks') from orch.report_disk_watchdog() as r$$, $$values ('1', 2)$$, 'H1 the block has the disks of all nodes');

select * from finish();
rollback;
