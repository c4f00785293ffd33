create or replace function orch.note_own_status(task_id bigint, result jsonb)
returns void language sql as $$
    update orch.board_issues as b
       set state_id = note_own_status.result ->> 'state_id',
           changed_at = greatest(b.changed_at, (note_own_status.result ->> 'updated_at')::timestamptz)
      from orch.tasks as t
     where t.id = note_own_status.task_id and b.issue_id = orch.original_key(t.plane_issue_id)
       and note_own_status.result ->> 'state_id' is not null
       and b.changed_at <= coalesce((note_own_status.result ->> 'updated_at')::timestamptz, b.changed_at)
$$;
comment on function orch.note_own_status(bigint, jsonb) is 'Remembers a status that we wrote to the board, so that seeing it again is no gesture of a person.';
