-- Transitions are numbered before they are committed, so one of a lower number may appear after others. Only those that are older than every
-- transaction which may still write are told; what is younger is told the next time.
create or replace function orch.watch(board_url text, after bigint)
returns table (board text, moves jsonb, latest bigint, goes_on boolean) language sql stable as $$
    with settled as (
        select x.*, orch.original_key(t.work_item) as work_item from orch.transitions as x join orch.tasks as t on t.id = x.task_id
         where x.id > watch.after and age(x.xmin) > age(pg_snapshot_xmin(pg_current_snapshot())::xid)
         order by x.id limit 500)
    select orch.board_report(board_url)::text,
           (select coalesce(jsonb_agg(to_jsonb(s) order by s.id), '[]') from settled as s),
           (select coalesce(max(x.id), 0) from orch.transitions as x where age(x.xmin) > age(pg_snapshot_xmin(pg_current_snapshot())::xid)),
           (select count(*) = 500 from settled)
$$;
comment on function orch.watch(text, bigint) is
    'What GET /events sends: the board as it is, the transitions after a number (500 at most; null = none), the newest number, and whether there are more.';
