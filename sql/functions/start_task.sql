-- Begins a task for an issue. The project's row is locked so that task numbers follow the order of commits: the serial gate counts on it.
create or replace function orch.start_task(
    project_id bigint, issue_id text, sequence bigint, title text, description text, actor text, event_id bigint default null)
returns bigint language plpgsql as $$
declare
    project   orch.projects;
    item      text;
    slug      text := left(btrim(regexp_replace(lower(title), '[^a-z0-9]+', '-', 'g'), '-'), 40);
    new_id    bigint;
begin
    select * into strict project from orch.projects as p where p.id = start_task.project_id for no key update;
    item := project.prefix || '-' || case when sequence < 1000 then lpad(sequence::text, 3, '0') else sequence::text end;
    insert into orch.tasks (project_id, repo, plane_id, plane_issue_id, work_item, title, description, branch)
    values (project.id, project.repo, project.plane_project_id || '/' || sequence, issue_id, item, title, description,
            'feature/' || item || '-' || coalesce(nullif(btrim(slug, '-'), ''), 'task'))
    returning id into new_id;
    insert into orch.transitions (task_id, from_stage, to_stage, cause, actor, event_id)
    values (new_id, null, 'created', 'to_analyse', start_task.actor, start_task.event_id);
    perform orch.add_effect(new_id, 'task_start', jsonb_build_object(
        'path', 'docs/work-items/' || item || '/00-business-request.md',
        'content', format(E'# %s: %s\n\n%s\n', item, title, coalesce(nullif(btrim(description), ''), 'No description was given.')),
        'message', format('%s: record the business request', item)));
    perform orch.add_card(new_id);
    return new_id;
end
$$;
comment on function orch.start_task(bigint, text, bigint, text, text, text, bigint) is
    'Begins a task in stage created; its branch is made by an effect, and the analyst runs when that has held.';
