begin;
\ir support.inc
select * from no_plan();

-- Who may call what: each function has one decision here, and a function without one fails. A producer's functions are also an operator's
-- and the service's, a reader's too; an operator's are also the service's; nobody but the owner calls the rest.
create temporary table decided as
select d.who, string_to_table(d.names, ' ') as name from (values
    ('anybody',  'enqueue enqueue_many refuse_producer'), -- with their own rights, to be told who may
    ('producer', 'job put_job put_jobs'),
    ('reader',   'board_report ci_state clock_text critical_reason cron_next find_log job_report moves_task node_note not_taken original_key outstanding queue_report '
                 'run_log span_text status_report story_report task_report tasks_report watch why'),
    ('operator', 'add_dep add_project approve cancel_job clear_limit confirm_deploy freeze pause reject remove_dep resume retry_effect retry_job '
                 'schedule set_limit set_setting stop_task unfreeze unschedule'),
    ('service',  'beat begin_prune board_states_failed ci_asked ci_to_ask claim_effects claim_jobs disown_runs effect_done effect_failed effect_skipped end_prune finish_run '
                 'finish_runs leftover_runs monitor_checked monitors_due node_agents node_awake node_idle node_start node_stop note_disks poll_news project_polled projects_to_poll projects_wanting_states publish_settings '
                 'put_board_states reap receive_event retry_events run_detaches run_duty run_started run_stopping runs_to_stop sweep_cancels'),
    ('owner',    'active_job add_card add_clean_up add_effect admit_jobs advance agent_problem alert_failed apply_cancel back_off '
                 'begin_deploy begin_monitor block_task block_task_because blocked_by board_card cancel_jobs cancel_task card_text channel_of chat_room check_agent check_gate check_jobs check_rule check_settings '
                 'close_run close_runs cron_allows cron_day cron_field cron_next_named cron_next_walking cron_number cron_parts degrade delay_effect '
                 'effect_context effect_payload end_effect end_job end_monitor enqueue_keyed enter_stage fail_job file_blobs find_story find_task finish_deploy '
                 'fire_schedule fire_schedules first_instant free_held heed_labels hold_reason idle_key idle_tasks initiate_deploy is_critical is_prune_due is_resting is_ruled is_terminal job_problem '
                 'limit_key limit_room local_time member_problem merge_checked mourn_effect move_on need_node need_repo need_task newest_ticks next_job_ms '
                 'note_own_status open_run open_runs prune prune_events prune_jobs prune_outbox queue_stage_job reconcile reconcile_task refresh_cards repo_in_scope '
                 'report_auto_labels report_build_cache report_counts report_disk_watchdog report_duty report_events report_max_concurrency report_nodes report_outbox report_post_deploy report_reaper '
                 'report_recent report_reconcile report_resilience '
                 'report_serial_gate report_stop report_task_deps report_upkeep requeue_job rest_channel review_blocks review_holds review_leases review_limits returns_to '
                 'route_event route_forge route_issue route_status route_to_analyse rule_covers rules_for said said_span say say_in send_back setting settle_job shortened start_task stays_critical '
                 'status_key story_asked story_effects story_moves story_now story_runs supersede_monitor take_duty task_merged told_number tombstone transient_wait try_event wake_nodes want_pull without_one word_cards')
) as d(who, names);
create temporary table functions as
select p.oid, p.oid::regprocedure::text as signature, p.proname as name, d.who, p.prosecdef as is_definer, l.lanname as language,
       p.provolatile,
       'search_path=pg_catalog, pg_temp' = any (p.proconfig) as is_pinned
  from pg_proc as p join pg_language as l on l.oid = p.prolang left join decided as d on d.name = p.proname
 where p.pronamespace = 'orch'::regnamespace;
create role stranger;
create temporary table roles as
select * from (values ('orch_producer', '{anybody,producer}'::text[]), ('orch_reader', '{anybody,reader}'),
                      ('orch_operator', '{anybody,producer,reader,operator}'),
                      ('orch_service', '{anybody,producer,reader,operator,service}'), ('stranger', '{}')) as r(role, may);
create temporary table relations as
select c.oid, c.oid::regclass::text as name, c.relkind from pg_class as c
 where c.relnamespace = 'orch'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'S');

select is_empty('select f.signature from functions as f where f.who is null', 'X3 every function has a decision: who may call it');
select is_empty('select d.name from decided as d where not exists (select from functions as f where f.name = d.name)',
                'X3 and every decision a function');
select is_empty($$select r.role, f.signature from roles as r cross join functions as f
                   where has_function_privilege(r.role, f.oid, 'execute') <> (f.who = any (r.may))$$,
                'X3 each role calls just what is its own');
select is_empty($$select f.signature from functions as f
                   where f.is_definer <> (f.who not in ('owner', 'anybody') and f.name not in ('ci_state', 'clock_text', 'critical_reason', 'moves_task', 'node_note', 'not_taken',
                                                                                        'original_key', 'outstanding', 'span_text'))$$,
                'X3 what others may call runs with the rights of the owner, except what views need');
select is_empty($$select f.signature from functions as f where (f.is_definer or f.language <> 'sql') and f.is_pinned is not true$$,
                'X3 functions pin their search_path, except those in SQL that may be inlined');
select is_empty($$select f.signature from functions as f where f.who = 'reader' and f.provolatile = 'v'$$,
                'X3 no function of a reader may write');
select is_empty($$select r.role, c.name from roles as r cross join relations as c
                   where c.relkind <> 'S'
                     and has_table_privilege(r.role, c.oid, 'select') <> (r.role in ('orch_reader', 'orch_operator', 'orch_service'))$$,
                'X3 readers, operators and the service read every table and view, a producer none');
select is_empty($$select r.role, c.name from roles as r cross join relations as c
                   where c.relkind <> 'S' and (has_table_privilege(r.role, c.oid, 'insert, update, delete, truncate, references, trigger')
                                               or has_any_column_privilege(r.role, c.oid, 'insert, update, references'))
                      or c.relkind = 'S' and has_sequence_privilege(r.role, c.oid, 'usage, select, update')$$,
                'X3 nobody but the owner writes a table, a view or a sequence');
select is_empty($$select r.role from roles as r where has_schema_privilege(r.role, 'orch', 'create')
                      or has_schema_privilege(r.role, 'orch', 'usage') <> (r.role <> 'stranger')$$,
                'X3 nobody but the owner creates anything in the schema');
select is_empty($$select r.rolname from pg_roles as r where r.rolname like 'orch\_%' and r.rolcanlogin$$,
                'X3 the roles are groups: nobody logs in as one');

-- As a role: the SQLSTATE of what it is refused, or what it gets. A refusal undoes the change of the role, too.
create function pg_temp.as_role(who text, command text, path text default 'public, pg_catalog')
returns text language plpgsql as $$
declare
    is_block constant boolean := command like 'do %';
    answer   text;
begin
    perform set_config('session_authorization', who, true);
    perform set_config('search_path', path, true);
    if is_block then
        execute command;
    else
        execute command into answer;
    end if;
    set local search_path = public, pg_catalog;
    reset session authorization;
    return answer;
exception when others then
    return sqlstate;
end
$$;
create role carol in role orch_operator;
create role paula in role orch_producer;
create role rita in role orch_reader;
create role sam in role orch_service;

-- 55000: a view that nobody can write.
select matches(pg_temp.as_role('rita', 'delete from ' || c.name), '^(42501|55000)$', format('X3 a reader cannot write %s', c.name))
  from relations as c where c.relkind in ('r', 'p', 'v') order by c.name;
select is(pg_temp.as_role('rita', format('select count(*) >= 0 from %s', c.name)), 'true', format('X3 and can read %s', c.name))
  from relations as c where c.relkind in ('r', 'p', 'v') order by c.name;
select is(pg_temp.as_role('rita', format('select %s is not null', c.call)), 'true', 'X3 a reader asks ' || c.call)
  from (values ('orch.queue_report()'), ('orch.status_report()')) as c(call);
select is(pg_temp.as_role('rita', 'select orch.enqueue(''a'')'), '42501', 'X3 a reader cannot enqueue');
select is(pg_temp.as_role('rita', 'select orch.enqueue_many(''[]'')'), '42501', 'X3 nor many');
set local role rita;
select throws_like($$select orch.enqueue('a')$$, 'role "rita" may not enqueue: accepted are members of orch_producer,%', 'X3 and reads who may');
reset role;
select is(pg_temp.as_role('rita', 'select orch.stop_task(''SHOP-007'')'), '42501', 'X3 nor stop');
select is(pg_temp.as_role('stranger', 'select orch.enqueue(''a'')'), '42501', 'X3 without a role there is nothing');

-- A producer, and what it may try.
create function pg_temp.content_of(job text)
returns text language sql as $$ select j.content from orch.jobs as j where j.id = job::bigint $$;
select is(pg_temp.content_of(pg_temp.as_role('paula', format('select orch.enqueue(''a'', %L)', c.content))), c.content,
          format('X3 content is nothing but content, %s characters', length(c.content)))
  from (values (''), ('''); delete from orch.jobs; --'), ('$$; drop schema orch cascade; $$'), (E'\\''\\"\n\r\t\x01\u2028{}[]%s%n$1'),
               ('$(reboot)`reboot`'), (repeat('x', 5000))) as c(content);
select is(pg_temp.as_role('paula', $$select orch.enqueue('a; drop table orch.jobs')$$), 'OR422', 'X3 a name of an agent is a name');
select is(pg_temp.as_role('paula', $$select orch.enqueue('a', repo => '../../etc')$$), 'OR422', 'X3 a repository is no path');
select is(pg_temp.as_role('paula', format($$select orch.enqueue_many('[{"agent": "a", %s}]')$$, m.member)), 'OR422',
          'X3 not for a producer: ' || m.member)
  from (values ('"status": "done"'), ('"task_id": 1'), ('"id": 1')) as m(member);
select is(pg_temp.as_role('paula', t.command), '42501', 'X3 a producer may not: ' || t.command)
  from (values ('select count(*) from orch.jobs'), ('select count(*) from orch.queue'), ('select orch.cancel_job(1)'),
               ('select orch.queue_report()'),
               ('select orch.wake_nodes()'), ('select orch.setting(''max_attempts'')'), ('select nextval(''orch.jobs_id_seq'')'),
               ('insert into orch.jobs (agent) values (''a'')'), ('create table orch.mine (id int)'), ('set role orch_service'),
               ('create function orch.f() returns int language sql as ''select 1''')) as t(command);
select is(pg_temp.as_role('paula', format('select status from orch.job(%s)', orch.enqueue('a'))), 'queued',
          'X3 a producer asks what became of a job');
delete from orch.jobs;
select pg_temp.drive('analysis');
select is(pg_temp.as_role('paula', format('select status from orch.job(%s)', max(j.id))), null, 'X3 but not of a task''s')
  from orch.jobs as j where j.task_id is not null;

-- Objects of her own that look like ours or Postgres's, first in her path: none of them is ever found by what runs with the owner's rights.
create schema trap authorization paula;
select is(pg_temp.as_role('paula', $do$do $$ begin
    create temporary table jobs (id bigint);
    create temporary table settings (name text, published text, override text);
    create function trap.trip() returns boolean language plpgsql as 'begin raise exception ''caught'' using errcode = ''OR999''; end';
    create function trap.now() returns timestamptz language sql as 'select pg_catalog.now() from trap.trip()';
    create function trap.length(text) returns int language sql as 'select 5 from trap.trip()';
    create function trap.nextval(text) returns bigint language sql as 'select 5::bigint from trap.trip()';
    create function trap.pg_notify(text, text) returns void language sql as 'select from trap.trip()';
    create function trap.fits(text, text) returns boolean language sql as 'select trap.trip()';
    create operator trap.!~ (function = trap.fits, leftarg = text, rightarg = text);
    create operator trap.~ (function = trap.fits, leftarg = text, rightarg = text);
    create operator trap.= (function = trap.fits, leftarg = text, rightarg = text);
end $$ $do$), null, 'X3 a producer lays traps');
select is(pg_temp.as_role('paula', t.command, 'trap, pg_temp, public, pg_catalog'), t.answer, t.words) from (values
    ('select now()', 'OR999', 'X3 which work'),
    ($$select orch.enqueue('trapped', 'x', 'acme/shop', unique_key => 'k', tags => '{a}', unique_for => '1 h') > 0$$, 'true',
     'X3 but not on orch.enqueue()'),
    ($$select orch.enqueue_many('[{"agent": "trapped"}, {"agent": "trapped", "unique_key": "l"}]') operator(pg_catalog.>) 0$$, 'true',
     'X3 nor on orch.enqueue_many()'),
    ($$select orch.enqueue('no name; at all')$$, 'OR422', 'X3 and nothing is refused less')) as t(command, answer, words);
select is((select count(*) from orch.jobs as j where j.agent = 'trapped'), 3::bigint, 'X3 they are where they belong');

-- What an operator does is recorded by the name with which she logged in, not by that of the owner whose rights it took.
select matches(pg_temp.as_role('carol', $$select orch.pause('agent', 'developer', 'quota')$$), 'is paused', 'X3 an operator pauses');
select is((select p.paused_by from orch.pauses as p where p.name = 'developer'), 'carol', 'X3 by her name');
select pg_temp.as_role('carol', $$select orch.set_limit('agent', 'developer', at_once => 2)$$);
select is((select l.set_by from orch.limits as l where l.name = 'developer'), 'carol', 'X3 a limit too');
select pg_temp.as_role('carol', $$select orch.set_setting('max_attempts', '3')$$);
select is((select s.updated_by from orch.settings as s where s.name = 'max_attempts'), 'carol', 'X3 a setting too');
select is(pg_temp.as_role('carol', $$select orch.claim_jobs('n1', '00000000-0000-0000-0000-000000000001', 1)$$), '42501',
          'X3 an operator cannot claim');
select is(pg_temp.as_role('carol', $$select result from orch.stop_task('SHOP-007')$$), 'cancelled', 'X3 an operator stops');
select is((select t.cancel_actor from orch.tasks as t where t.stage = 'cancelled'), 'carol', 'X3 a STOP too');
select pg_temp.as_role('carol', format('select orch.cancel_job(%s)', orch.enqueue('b')));
select is((select j.error from orch.jobs as j where j.agent = 'b'), 'cancelled by carol', 'X3 a cancelled job too');

-- The service needs no right on a table.
select matches(pg_temp.as_role('sam', $$select run_id from orch.claim_jobs('n1', '00000000-0000-0000-0000-000000000001', 1)$$), '^\d+$',
               'X3 the service claims');
select is(pg_temp.as_role('sam', format($$select job_status from orch.finish_run(%s, 'ok', '{}')$$, j.run_id)), 'done', 'X3 and finishes')
  from orch.jobs as j where j.status = 'running';
select * from finish();
rollback;
