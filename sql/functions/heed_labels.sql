create or replace function orch.heed_labels(task_id bigint)
returns text language plpgsql as $$
declare
    task   orch.tasks;
    labels text[];
    label  text;
begin
    select * into task from orch.tasks as t where t.id = heed_labels.task_id for no key update;
    if not orch.setting('auto_labels_enabled')::boolean or not orch.repo_in_scope(task.repo, orch.setting('auto_labels_repos')) then
        return null;
    end if;
    select array_agg(lower(btrim(l.name))) into labels
      from orch.board_issues as b cross join unnest(b.labels) as l (name) where b.issue_id = task.plane_issue_id;
    label := case task.stage when 'analysis' then orch.setting('auto_approve_label') when 'deploy' then orch.setting('auto_deploy_label') end;
    if lower(btrim(label)) = any (labels) then
        if task.stage = 'analysis' and task.brd_review_started_at is not null and orch.active_job(task.id) is null then
            return orch.approve(task.id::text, 'label ' || label);
        elsif exists (select from orch.deploys as d where d.task_id = task.id and d.phase = 'A' and d.confirmed_at is null) then
            return orch.confirm_deploy(task.id::text, 'label ' || label);
        end if;
    end if;
    return null;
end
$$;
comment on function orch.heed_labels(bigint) is
    'Does what a label of the task''s issue says, where labels may act: approves a finished analysis, confirms a parked deploy. What it did, or null.';
