begin;
\ir support.inc
select * from no_plan();

select results_eq('select s.stage, orch.is_terminal(s.stage) from orch.stages as s order by 1', 'select s.stage, s.is_terminal from orch.stages as s order by 1',
                  'P3 the predicate and the stages agree');
select is_empty($$select p.proname from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
                   where n.nspname = 'orch' and p.proname <> 'is_terminal' and p.prosrc ~* '''done''\s*,\s*''cancelled''|''cancelled''\s*,\s*''done'''$$,
                'P3 no function has a second definition');
select is_empty($$select v.viewname from pg_views as v where v.schemaname = 'orch' and v.definition ~* '''done''[^)]*''cancelled'''$$, 'P3 nor has a view');
select is_empty($$select c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
                   where n.nspname = 'orch' and c.relkind in ('r', 'v') and obj_description(c.oid, 'pg_class') is null$$, 'X1 every table and view has a comment');
select is_empty($$select c.relname, a.attname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace join pg_attribute as a on a.attrelid = c.oid
                   where n.nspname = 'orch' and c.relkind in ('r', 'v') and a.attnum > 0 and not a.attisdropped and col_description(c.oid, a.attnum) is null$$, 'X1 every column');
select is_empty($$select p.proname from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
                   where n.nspname = 'orch' and obj_description(p.oid, 'pg_proc') is null$$, 'X1 every function');
select * from finish();
rollback;
