-- A block that fails reports its own error and leaves the others whole.
create or replace function orch.queue_report()
returns jsonb language plpgsql stable as $$
declare
    report jsonb := '{}';
    block  text;
    value  jsonb;
begin
    foreach block in array array['counts', 'max_concurrency', 'task_deps', 'serial_gate', 'stop', 'nodes', 'upkeep', 'resilience', 'outbox', 'events', 'recent'] loop
        begin
            execute format('select orch.report_%s()', block) into value;
        exception when others then
            value := jsonb_build_object('error', sqlerrm);
        end;
        report := report || jsonb_build_object(block, value);
    end loop;
    return report;
end
$$;
comment on function orch.queue_report() is 'What GET /queue answers: one block per subject.';
