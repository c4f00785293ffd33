create or replace function orch.block_task_because(task_id bigint, key text, variadic words text[])
returns void language sql as $$
    select orch.block_task(task_id, 'blocked', orch.say_in('en', key, variadic words), orch.say(key, variadic words))
$$;
comment on function orch.block_task_because(bigint, text, text[]) is
    'Blocks a task for a reason that is orchd''s own: English for operators, in the language of messages for those who read them.';
