-- A block that fails reports its own error and leaves the others whole.
create or replace function orch.queue_report()
returns jsonb language plpgsql stable as $$
declare
    report jsonb := '{}';
    block  record;
    value  jsonb;
begin
    for block in
        select b.name, format('select orch.report_%s()', b.name) as question
          from unnest(array['counts', 'max_concurrency', 'resilience', 'reconcile', 'reaper', 'task_deps', 'serial_gate', 'stop', 'nodes',
                            'outbox', 'recent', 'upkeep', 'events', 'auto_labels', 'disk_watchdog', 'build_cache', 'post_deploy']) as b (name) loop
        begin
            execute block.question into value;
        exception when others then
            value := jsonb_build_object('error', sqlerrm);
        end;
        report := report || jsonb_build_object(block.name, value);
    end loop;
    return report;
end
$$;
comment on function orch.queue_report() is 'What GET /queue answers: one block per subject.';
