create or replace function orch.moves_task(kind text)
returns boolean language sql immutable as $$
    select kind in ('task_start', 'pull_open', 'merge_check', 'pull_merge')
$$;
comment on function orch.moves_task(text) is 'Whether a task waits for effects of this kind: it goes on when they are done, is blocked when they give up, and no longer wants them when it is terminal.';
