create or replace function orch.route_to_analyse(
    event orch.events, project orch.projects, known_task bigint, person text, out status text, out reason text, out task_id bigint)
language plpgsql as $$
declare
    issue orch.board_issues;
    task  orch.tasks;
    most  int := orch.setting('qg0_title_max')::int;
    title text;
begin
    status := 'routed';
    task_id := known_task;
    select * into strict issue from orch.board_issues as b where b.issue_id = event.facts ->> 'issue_id';
    if known_task is null then
        title := btrim(coalesce(issue.title, ''));
        if title = '' or length(title) > most or issue.sequence is null then
            status := 'ignored';
            reason := case when title = '' then orch.say('title.empty')
                           when issue.sequence is null then orch.say('no.sequence')
                           else orch.say('title.long', length(title)::text, most::text) end;
            perform orch.add_effect(null, 'board_comment', jsonb_build_object('text', orch.say('not.started', reason), 'issue_id', issue.issue_id, 'project_id', project.id));
            return;
        end if;
        task_id := orch.start_task(project.id, issue.issue_id, issue.sequence, title, issue.description, person, event.id);
        reason := 'started';
        return;
    end if;
    select * into task from orch.tasks as t where t.id = known_task for no key update;
    if task.stage = 'created' then
        reason := coalesce((select orch.retry_effect(o.id) from orch.outbox as o
                             where o.task_id = task.id and o.kind = 'task_start' and o.status = 'dead' limit 1), 'already starting');
    elsif task.stage = 'analysis' then
        if orch.active_job(task.id) is not null then
            perform orch.add_effect(task.id, 'board_status', jsonb_build_object('key', 'analysis'));
            reason := 'the analyst is at work already';
        else
            update orch.tasks as t set brd_review_started_at = null, brd_review_ended_at = null where t.id = task.id;
            perform orch.queue_stage_job(task.id, 'Asked again by ' || person || coalesce('; newest comment: ' || (
                select c.facts ->> 'text' from orch.events as c
                 where c.kind = 'issue_comment' and c.facts ->> 'issue_id' = issue.issue_id
                   and c.facts ->> 'actor_id' is distinct from project.board_actor order by c.id desc limit 1), ''));
            perform orch.add_effect(task.id, 'board_status', jsonb_build_object('key', 'analysis'));
            reason := 'the analyst runs again';
        end if;
    elsif not orch.is_terminal(task.stage) and not (orch.setting('stop_status_enabled')::boolean
                                                    and orch.repo_in_scope(task.repo, orch.setting('stop_status_repos'))) then
        reason := case when task.stage <> 'deploy' and orch.queue_stage_job(task.id, 'Asked again by ' || person) is not null
                       then 'STOP is off: the stage''s agent runs again' else 'nothing to run again' end;
    else
        perform orch.add_effect(task.id, 'board_comment', jsonb_build_object('text',
            orch.say('start.over', task.work_item, orch.say('stage.' || task.stage))));
        reason := 'not started: to start over, STOP, then To Analyse';
    end if;
end
$$;
comment on function orch.route_to_analyse(orch.events, orch.projects, bigint, text) is 'The only gesture that starts a pipeline; on a known task it can only run the analyst again.';
