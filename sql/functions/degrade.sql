create or replace function orch.degrade(watch orch.monitors, has_rollback boolean)
returns void language plpgsql as $$
declare
    item   text := (select t.work_item from orch.tasks as t where t.id = watch.task_id);
    reason text := format('%s is degraded since its deploy: %s checks in a row failed, the last: %s', item, watch.failures, watch.last_error);
    told   text := orch.say('degraded', item, watch.failures::text, watch.last_error) || '.';
    job    bigint;
begin
    perform orch.freeze(watch.repo, reason);
    perform orch.end_monitor(watch, 'DEGRADED');
    if has_rollback then
        begin
            job := orch.put_job('rollback', format(E'%s\n\nRoll %s back to what ran before commit %s.', reason, watch.repo, watch.sha), watch.repo,
                                100, null, 1, 'rollback/' || watch.id, '{rollback}', null, null);
            update orch.monitors as m set rollback_job = job where m.id = watch.id;
            told := told || ' ' || orch.say('degraded.rollback', job::text);
        exception when sqlstate 'OR422' then
            told := told || ' ' || orch.say('degraded.norollback', sqlerrm);
        end;
    end if;
    told := told || ' ' || orch.say('degraded.frozen', watch.repo);
    perform orch.add_effect(watch.task_id, 'alert', jsonb_build_object('text', told));
    perform orch.add_effect(watch.task_id, 'board_comment', jsonb_build_object('text', told));
end
$$;
comment on function orch.degrade(orch.monitors, boolean) is
    'What was deployed does not work: its repository is frozen, people are told, and the rollback command is queued, if there is one.';
