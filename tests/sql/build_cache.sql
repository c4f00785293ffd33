begin;
\ir support.inc
select * from no_plan();

select is(orch.is_prune_due(c.last, '2026-03-04 12:00:00+00', '6 hours'), c.due, 'L9 ' || c.what) from (values
    (null::timestamptz, true, 'never pruned: due'), ('2026-03-04 06:00:00+00', true, 'six hours ago: due'), ('2026-03-04 06:00:01+00', false, 'a second less: not due'),
    ('2026-03-04 13:00:00+00', false, 'in the future, after a clock was set back: not due')) as c (last, due, what);
select is(orch.begin_prune('n1', '6 hours'), true, 'L9 the first begins');
select is(orch.begin_prune('n2', '6 hours'), false, 'L9 once, on one node');
select orch.end_prune(null);
select results_eq($$select b.node, b.runs, b.last_error, b.ended_at is not null from orch.build_cache as b$$, $$values ('n1', 1::bigint, null::text, true)$$, 'L9 how it ended is kept');
select orch.end_prune('no target');
select results_eq($$select b.runs, b.last_error from orch.build_cache as b$$, $$values (1::bigint, 'no target')$$, 'L9 and why none is made');

select * from finish();
rollback;
