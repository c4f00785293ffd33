create or replace function orch.route_status(
    event orch.events, project orch.projects, key text, known_task bigint, out status text, out reason text, out task_id bigint)
language plpgsql as $$
declare
    person  text := 'board:' || coalesce(event.facts ->> 'actor_id', 'unknown');
    comment text;
begin
    status := 'routed';
    task_id := known_task;
    if key = 'to_analyse' then
        select r.status, r.reason, r.task_id into status, reason, task_id from orch.route_to_analyse(event, project, known_task, person) as r;
    elsif key not in ('stop', 'confirm_deploy', 'approved', 'rejected') then
        status := 'ignored';
        reason := format('status "%s" starts nothing', key);
    elsif known_task is null then
        status := 'ignored';
        reason := format('unknown issue: no task for status "%s"', key);
    elsif key = 'stop' then
        select s.result || ': ' || s.message into reason
          from orch.stop_task(known_task::text, 'STOP on the board', 'board', person, event.id,
                              coalesce(event.heard_at, event.received_at)) as s;
    elsif key = 'confirm_deploy' then
        reason := orch.confirm_deploy(known_task::text, person);
    elsif key = 'approved' then
        reason := orch.approve(known_task::text, person, event.id);
    else
        select c.facts ->> 'text' into comment
          from orch.events as c join orch.tasks as t on t.id = known_task
         where c.kind = 'issue_comment' and c.facts ->> 'issue_id' = event.facts ->> 'issue_id'
           and c.facts ->> 'actor_id' is distinct from project.board_actor and c.received_at >= t.stage_since
         order by c.id desc limit 1;
        reason := orch.reject(known_task::text, comment, person, event.id);
    end if;
end
$$;
comment on function orch.route_status(orch.events, orch.projects, text, bigint) is 'What a person''s new status means: stop, to_analyse, confirm_deploy, approved or rejected; any other starts nothing.';
