begin;
\ir support.inc
select * from no_plan();

-- A name, the host that asks for it, and what is so before: host, age of the last beat, whether it has left.
create function pg_temp.try(was_host text, beat_age interval, is_stopped boolean, host text)
returns text language plpgsql as $$
begin
    delete from orch.nodes where node = 'twin';
    insert into orch.nodes (node, incarnation, pid, slots, version, lease, host, beat_at, stopped_at)
    values ('twin', '00000000-0000-0000-0000-0000000000aa', 1, 1, 'test', '30 s', was_host, now() - beat_age, case when is_stopped then now() end);
    perform orch.node_start('twin', '00000000-0000-0000-0000-0000000000bb', 2, 1, 'test', '30 s', host);
    return 'ok';
exception when others then
    return sqlstate;
end
$$;
select is(pg_temp.try(c.was_host, c.beat_age, c.is_stopped, c.host), c.answer, 'Q6 ' || c.what)
  from (values ('x/1', '1 s'::interval, false, 'x/1', 'ok',    'a restart on the same host takes the name at once'),
               ('x/1', '1 s',           false, 'y/1', 'OR409', 'another host does not while the node is alive'),
               ('x/1', '1 s',           false, 'x/2', 'OR409', 'nor does another boot of a host of that name'),
               ('x/1', '29 s',          false, 'y/1', 'OR409', 'alive is who is within its lease'),
               ('x/1', '31 s',          false, 'y/1', 'ok',    'a lease that has ended frees the name'),
               ('x/1', '1 s',           true,  'y/1', 'ok',    'a node that has left frees the name'),
               (null,  '1 s',           false, 'y/1', 'ok',    'a node that told no host holds nothing against others'),
               ('x/1', '1 s',           false, null,  'ok',    'nor is one that tells none held back')
       ) as c (was_host, beat_age, is_stopped, host, answer, what);

select orch.node_start('moved', '00000000-0000-0000-0000-0000000000aa', 1, 1, 'test', '30 s', 'x/1');
select throws_like($$select orch.node_start('moved', '00000000-0000-0000-0000-0000000000bb', 1, 1, 'test', '30 s', 'y/1')$$,
                   'node "moved" runs on host "x/1" already, and its lease lasts until %', 'Q6 the refusal names the host and until when');
select lives_ok($$select orch.beat('moved', '00000000-0000-0000-0000-0000000000aa', false)$$, 'Q6 and changes nothing for the one that is alive');
select lives_ok($$select orch.node_start('moved', '00000000-0000-0000-0000-0000000000aa', 1, 1, 'test', '30 s', 'y/1')$$,
                'Q6 a start that is repeated is the same start');
select is((select n.host from orch.nodes as n where n.node = 'moved'), 'y/1', 'Q6 the host is kept');

select orch.node_start('moved', '00000000-0000-0000-0000-0000000000bb', 1, 1, 'test', '30 s', 'y/1');
select throws_ok($$select orch.beat('moved', '00000000-0000-0000-0000-0000000000aa', false)$$, 'OR410', null, 'Q6 a replaced incarnation is told so');
select orch.node_stop('moved', '00000000-0000-0000-0000-0000000000aa');
select is((select n.stopped_at from orch.nodes as n where n.node = 'moved'), null, 'Q6 and cannot make its successor leave');
select * from finish();
rollback;
