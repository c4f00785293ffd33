create or replace function orch.route_event(event orch.events, out status text, out reason text, out task_id bigint)
language plpgsql as $$
declare
    project orch.projects;
begin
    status := 'ignored';
    if event.source = 'plane' or event.source = 'poll' and event.kind = 'issue' then
        select * into project from orch.projects as p where p.plane_project_id = event.facts ->> 'project_id';
    else
        select * into project from orch.projects as p where p.repo = event.facts ->> 'repo' order by p.id limit 1;
    end if;
    if project.id is null then
        reason := format('unknown project: %s', coalesce(event.facts ->> 'project_id', event.facts ->> 'repo', 'none named'));
    elsif event.source in ('plane', 'poll') and event.kind = 'issue' then
        select r.status, r.reason, r.task_id into status, reason, task_id from orch.route_issue(event, project) as r;
    elsif event.source = 'plane' and event.kind = 'issue_comment' then
        status := 'routed';
        reason := 'kept: a rejection quotes the newest comment';
        select t.id into task_id from orch.tasks as t where t.plane_issue_id = event.facts ->> 'issue_id';
    elsif event.source in ('gitea', 'github', 'poll') and event.kind in ('status', 'push', 'pull_request') then
        select r.status, r.reason, r.task_id into status, reason, task_id from orch.route_forge(event) as r;
    else
        reason := format('nothing follows from event "%s"', event.kind);
    end if;
end
$$;
comment on function orch.route_event(orch.events) is 'Finds out what a delivery means and does it.';
