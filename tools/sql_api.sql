-- sql_api: prints docs/sql-api.md from the catalog of a migrated database, for tools/gen-docs: psql -XAtq URL -f tools/sql_api.sql
set client_min_messages = warning;

-- A comment in a cell of a table, or in a paragraph; the example at its end as code.
create function pg_temp.cell(text) returns text immutable language sql as $$
    select regexp_replace(replace(replace(replace($1, '\', '\\'), '|', '\|'), '<', '\<'), '([.:] )(select .*)$', '\1`\2`') $$;

-- How people write types and defaults.
create function pg_temp.words(words text) returns text immutable language plpgsql as $$
declare
    word text;
begin
    words := regexp_replace(words, '::(text|integer|bigint|interval|boolean|jsonb|uuid|timestamp with time zone)(\[\])?', '', 'g');
    foreach word in array string_to_array('DEFAULT TABLE SETOF NULL ARRAY VARIADIC OUT SESSION_USER', ' ') loop
        words := regexp_replace(words, '\m' || word || '\M', lower(word), 'g');
    end loop;
    return replace(words, 'timestamp with time zone', 'timestamptz');
end
$$;

-- Parameters or columns, each on a line of its own when they would not stand in one.
create function pg_temp.wrapped(list text, indent text) returns text immutable language sql as $$
    select case when length(list) <= 100 then list
                else E'\n' || indent || regexp_replace(list, ', (?=(variadic |out )?[a-z_]+ [a-z])', E',\n' || indent, 'g') end $$;

create temp view doors as
select p.proname as name, pg_temp.words(pg_get_function_arguments(p.oid)) as args, pg_temp.words(pg_get_function_result(p.oid)) as result,
       -- Those that run with the caller's rights tell a reader that it may not enqueue.
       pg_temp.cell(obj_description(p.oid, 'pg_proc')) as says, case when 'producer' = any (r.roles) then array_remove(r.roles, 'reader') else r.roles end as roles,
       case when r.roles is null then 'internal'
            when r.roles = '{service}' then 'service'
            when not p.prosecdef and not 'producer' = any (r.roles) or p.proname in ('put_job', 'put_jobs', 'refuse_producer') then 'parts'
            when 'producer' = any (r.roles) then 'producers'
            when 'reader' = any (r.roles) then 'readers'
            else 'operators' end as kind
  from pg_proc as p
 cross join lateral (select array_agg(substr(r.rolname, 6)::text order by r.rolname)
                       from pg_roles as r where r.rolname in ('orch_operator', 'orch_producer', 'orch_reader', 'orch_service')
                        and has_function_privilege(r.oid, p.oid, 'execute')) as r(roles)
 where p.pronamespace = 'orch'::regnamespace;

create temp view relations as
select c.oid, c.relname as name, c.relkind, pg_temp.cell(obj_description(c.oid, 'pg_class')) as says,
       (select string_agg(format('| `%s` | %s | %s |', a.attname, pg_temp.words(format_type(a.atttypid, a.atttypmod)) || case when c.relkind = 'r' and not a.attnotnull then ', or null' else '' end,
                                 pg_temp.cell(coalesce(col_description(c.oid, a.attnum), ''))), E'\n' order by a.attnum)
          from pg_attribute as a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
  from pg_class as c where c.relnamespace = 'orch'::regnamespace and c.relkind in ('r', 'v');

-- The whole entry of a function that people call.
create function pg_temp.entries(kind text) returns setof text language sql as $$
    select format(E'### %s\n\n```text\norch.%s(%s)\n    returns %s\n```\n\n%s\n\nMay be called by: %s.\n', d.name, d.name, pg_temp.wrapped(d.args, '    '),
                  case when d.result like 'table(%' then 'table(' || pg_temp.wrapped(regexp_replace(d.result, '^table\((.*)\)$', '\1'), '        ') || ')' else d.result end,
                  d.says, array_to_string(d.roles, ', '))
      from pg_temp.doors as d where d.kind = entries.kind order by d.name collate "C", d.args collate "C" $$;

-- A line for each of those that they do not.
create function pg_temp.lines(kind text) returns setof text language sql as $$
    select format('| `%s(%s)` | `%s` | %s |', d.name, replace(d.args, '|', '\|'), replace(d.result, '|', '\|'), d.says)
      from pg_temp.doors as d where d.kind = lines.kind order by d.name collate "C", d.args collate "C" $$;

create function pg_temp.tables(relkind "char") returns setof text language sql as $$
    select format(E'### orch.%s\n\n%s\n\n| column | type | |\n| --- | --- | --- |\n%s\n', r.name, r.says, r.columns)
      from pg_temp.relations as r where r.relkind = tables.relkind order by r.name collate "C" $$;

\qecho '# SQL API'
\qecho
\qecho 'Written by `tools/gen-docs` from the comments of a freshly migrated database; in psql `\\df+ orch.*`, `\\dv+ orch.*` and `\\d+ orch.jobs` say the same.'
\qecho 'What a function refuses, it refuses with SQLSTATE `OR4xx`, what was wrong, and what is accepted ([operations.md](operations.md), [queue.md](queue.md)).'
\qecho
\qecho '| a login in | may |'
\qecho '| --- | --- |'
\qecho '| `orch_reader` | read all tables and views, and call what is [for readers](#for-readers) |'
\qecho '| `orch_operator` | the same, and call what is [for operators](#for-operators) and [for producers](#for-producers) |'
\qecho '| `orch_producer` | call what is [for producers](#for-producers), and read nothing |'
\qecho '| `orch_service` | what orchd itself needs: all of this, and what is [for the service](#for-the-service) |'
\qecho
\qecho '## For operators'
\qecho
select * from pg_temp.entries('operators');
\qecho '## For producers'
\qecho
select * from pg_temp.entries('producers');
\qecho '## For readers'
\qecho
select * from pg_temp.entries('readers');
\qecho '## Views'
\qecho
select * from pg_temp.tables('v');
\qecho '## Tables'
\qecho
\qecho 'All who read views may read them; nobody but the owner writes to one.'
\qecho
select * from pg_temp.tables('r');
\qecho '## For the service'
\qecho
\qecho 'orchd calls them; they name the run, the node or the token that they speak for, and a stale one is answered with `OR410`. They change with orchd.'
\qecho
\qecho '| function | returns | |'
\qecho '| --- | --- | --- |'
select * from pg_temp.lines('service');
\qecho
\qecho '## Parts'
\qecho
\qecho 'Views and functions call these with the rights of whoever uses them, who therefore may.'
\qecho
\qecho '| function | returns | |'
\qecho '| --- | --- | --- |'
select * from pg_temp.lines('parts');
\qecho
\qecho '## Internal'
\qecho
\qecho 'Only the owner may call them.'
\qecho
\qecho '| function | returns | |'
\qecho '| --- | --- | --- |'
select * from pg_temp.lines('internal');
