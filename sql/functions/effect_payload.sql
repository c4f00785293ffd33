create or replace function orch.effect_payload(effect orch.outbox)
returns jsonb language sql stable as $$
    select effect.payload || case effect.kind
        when 'board_status' then (
            select jsonb_build_object(
                       'state_id', (select b.state_id from orch.board_states as b
                                     where b.project_id = t.project_id and b.key = effect.payload ->> 'key' order by b.state_id limit 1),
                       'stop_state_id', (select b.state_id from orch.board_states as b
                                          where b.project_id = t.project_id and b.key = 'stop' order by b.state_id limit 1),
                       'unheard_state_ids', (select coalesce(jsonb_agg(b.state_id), '[]') from orch.board_states as b
                                              where b.project_id = t.project_id
                                                and b.key in ('to_analyse', 'approved', 'rejected', 'confirm_deploy')
                                                and not exists (select from orch.board_issues as i
                                                                 where i.issue_id = orch.original_key(t.plane_issue_id) and i.state_id = b.state_id)))
              from orch.tasks as t where t.id = effect.task_id)
        when 'card' then (
            select jsonb_build_object('message_id', max(m.message_id))
              from orch.tracker_messages as m where m.task_id = effect.task_id and m.channel = 'telegram' and m.kind = 'card')
        when 'pull_merge' then (
            select jsonb_build_object('number', t.pull_number) from orch.tasks as t where t.id = effect.task_id)
        else '{}'
    end
$$;
comment on function orch.effect_payload(orch.outbox) is 'An effect''s payload with what is only known when it is delivered: ids of statuses, the card''s message, the pull request.';
