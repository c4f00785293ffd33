-- Functions that others than the owner may call are doors: they run with the owner's rights. Nobody but the owner calls the rest.
-- Doors, and all that is written in PL/pgSQL, have their search_path pinned: nothing of the caller's is ever found in place of ours. That
-- costs about a microsecond a call, of the fifty that an enqueue takes. What is written in SQL and is no door stays as it is, because a
-- pinned function is never inlined; its names are schema-qualified, and the path it finds is that of the door through which it is reached.
do $$
declare
    everybody text[] := array(select r.rolname from pg_roles as r
                               where r.rolname in ('orch_service', 'orch_operator', 'orch_producer', 'orch_reader'));
    routine   record;
    door      record;
    grantees  text;
begin
    execute format('revoke all on all routines in schema orch from %s', array_to_string('{public}' || everybody, ', '));
    for routine in select p.oid::regprocedure as signature from pg_proc as p join pg_language as l on l.oid = p.prolang
                    where p.pronamespace = 'orch'::regnamespace and l.lanname = 'plpgsql' loop
        execute format('alter routine %s set search_path = pg_catalog, pg_temp', routine.signature);
    end loop;

    for door in
        select d.roles, d.is_definer, p.oid::regprocedure as signature
          from (values
            ('{orch_producer,orch_operator,orch_service}'::text[], true, 'put_job put_jobs job'),
            -- With the caller's rights: they tell a reader that it is none of these.
            ('{orch_producer,orch_operator,orch_service,orch_reader}', false, 'enqueue enqueue_many refuse_producer'),
            ('{orch_reader,orch_operator,orch_service}', true, 'board_report cron_next find_log job_report queue_report run_log status_report story_report task_report tasks_report watch why'),
            -- Views call these, and a view calls functions with the rights of whoever reads it.
            ('{orch_reader,orch_operator,orch_service}', false,
             'ci_state clock_text critical_reason moves_task node_note not_taken original_key outstanding span_text'),
            ('{orch_operator,orch_service}', true,
             'add_dep add_project approve cancel_job clear_limit confirm_deploy freeze pause reject remove_dep resume retry_effect retry_job schedule '
             'set_limit set_setting stop_task unfreeze unschedule'),
            ('{orch_service}', true,
             'beat begin_prune board_states_failed ci_asked ci_to_ask claim_effects claim_jobs disown_runs effect_done effect_failed effect_skipped end_prune finish_run '
             'finish_runs leftover_runs monitor_checked monitors_due node_agents node_awake node_idle node_start node_stop note_disks poll_news project_polled projects_to_poll projects_wanting_states publish_settings '
             'put_board_states reap receive_event retry_events run_detaches run_duty run_started run_stopping runs_to_stop sweep_cancels')
          ) as d(roles, is_definer, names)
         cross join string_to_table(d.names, ' ') as n(name)
          join pg_proc as p on p.proname = n.name and p.pronamespace = 'orch'::regnamespace
    loop
        if door.is_definer then
            execute format('alter routine %s security definer set search_path = pg_catalog, pg_temp', door.signature);
        end if;
        grantees := array_to_string(array(select unnest(door.roles) intersect select unnest(everybody) order by 1), ', ');
        if grantees <> '' then
            execute format('grant execute on routine %s to %s', door.signature, grantees);
        end if;
    end loop;
end
$$;
