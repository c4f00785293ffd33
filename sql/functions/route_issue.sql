-- A delivery is a hint. Two clocks are kept per issue: of any change, and of the newest change of status that a person made. Our own
-- writes move the first only, so that a write of ours that overtakes a person's gesture can never hide it. A gesture comes in several
-- deliveries, of which one names it and the others show its result. Read late, the one that names it may show our write and its time: a gesture
-- that was taken from its result owes one delivery that names it, which is no second one, whatever gestures were told of in between.
create or replace function orch.route_issue(event orch.events, project orch.projects, out status text, out reason text, out task_id bigint)
language plpgsql as $$
declare
    facts     jsonb := event.facts;
    known     orch.board_issues;
    changed   timestamptz := coalesce((facts ->> 'updated_at')::timestamptz, event.received_at);
    is_own    boolean := coalesce(facts ->> 'actor_id' = project.board_actor, false);
    is_move   boolean := coalesce(facts ->> 'field' = 'state', false);
    overtaken boolean := coalesce(is_move and not is_own and facts ->> 'new_value' <> facts ->> 'state_id'
                                  and facts ->> 'updated_by' = project.board_actor, false);
    asked     text := case when overtaken then facts ->> 'new_value' else facts ->> 'state_id' end;
    names_it  boolean := coalesce(is_move and facts ->> 'new_value' = asked, false);
    is_passed boolean;
    key       text;
    acted     text;
begin
    status := 'ignored';
    if facts ->> 'action' = 'deleted' or facts ->> 'issue_id' is null then
        reason := 'nothing follows from a deleted issue';
        return;
    end if;
    -- The task before the issue: the order in which effects lock them, too.
    select t.id into task_id from orch.tasks as t where t.plane_issue_id = facts ->> 'issue_id' for no key update;
    insert into orch.board_issues (issue_id, project_id) values (facts ->> 'issue_id', project.id) on conflict do nothing;
    select * into known from orch.board_issues as b where b.issue_id = facts ->> 'issue_id' for update;
    is_passed := changed < known.gesture_at or (is_move and changed = known.gesture_at and asked = coalesce(known.gesture_state, asked));
    if task_id is null then -- Another delivery may have begun it while this one waited for the issue.
        select t.id into task_id from orch.tasks as t where t.plane_issue_id = facts ->> 'issue_id';
    end if;
    if changed >= known.changed_at then
        update orch.board_issues as b
           set changed_at = changed, state_id = coalesce(facts ->> 'state_id', b.state_id), title = coalesce(facts ->> 'title', b.title),
               description = coalesce(facts ->> 'description', b.description), sequence = coalesce((facts ->> 'sequence_id')::bigint, b.sequence),
               labels = coalesce((select array_agg(l.value) from jsonb_array_elements_text(
                            case jsonb_typeof(facts -> 'labels') when 'array' then facts -> 'labels' end) as l (value)), b.labels)
         where b.issue_id = known.issue_id;
    end if;
    if is_move and not is_own and facts ->> 'new_value' <> facts ->> 'state_id' and task_id is not null
       and exists (select from orch.board_states as b
                    where b.project_id = project.id and b.state_id = facts ->> 'new_value' and b.key = 'stop') then
        -- The board reads an issue's state when it delivers, so a later change hides this one. A STOP counts whatever came after it.
        select r.status, r.reason, r.task_id into status, reason, task_id from orch.route_status(event, project, 'stop', task_id) as r;
    elsif is_own then
        reason := 'our own write coming back';
    elsif not is_move and facts ->> 'updated_by' = project.board_actor then
        reason := 'our own write, seen in the delivery of another change';
    elsif asked is null then
        reason := 'no status in the delivery';
    elsif is_passed or (overtaken and asked = any (known.gestures_owed)) then
        update orch.board_issues as b set gestures_owed = orch.without_one(b.gestures_owed, asked) where b.issue_id = known.issue_id and names_it;
        reason := case when is_passed then 'a newer change of status is known' else 'this change of status is known from another delivery' end;
    elsif not is_move and (asked is not distinct from known.state_id or changed < known.changed_at) then
        reason := 'the status has not changed';
    else
        select b.key into key from orch.board_states as b where b.project_id = project.id and b.state_id = asked;
        if not found and coalesce(project.states_read_at < event.received_at, true) then
            update orch.projects as p set states_wanted_at = now() where p.id = project.id and p.states_wanted_at is null;
            -- The issue's state is taken back as well: when the event is tried again, it must look as new as it is.
            update orch.board_issues as b set state_id = known.state_id, changed_at = known.changed_at where b.issue_id = known.issue_id;
            perform pg_notify('orch_changed', 'states');
            status := 'waiting';
            reason := format('status %s is not known yet; the board is being asked', asked);
            return;
        end if;
        update orch.board_issues as b
           set gesture_at = changed, gesture_state = asked, gestures_owed = case when names_it then b.gestures_owed else b.gestures_owed || asked end
         where b.issue_id = known.issue_id;
        select r.status, r.reason, r.task_id into status, reason, task_id
          from orch.route_status(event, project, coalesce(key, ''), task_id) as r;
    end if;
    if status = 'ignored' and task_id is not null then
        acted := orch.heed_labels(task_id);
        if acted is not null then
            status := 'routed';
            reason := acted;
        end if;
    end if;
end
$$;
comment on function orch.route_issue(orch.events, orch.projects) is 'Takes in the newest state of an issue and, when a person changed its status, routes that.';
