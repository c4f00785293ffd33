-- A number is a run. Everything else names a task, of which the newest run that has a log is meant.
create or replace function orch.find_log(ref text)
returns table (run_id bigint, agent text, node text, host text, log_path text, is_over boolean) language plpgsql stable as $$
declare
    is_run constant boolean := btrim(ref) ~ '^[1-9][0-9]{0,17}$';
    task   bigint;
begin
    if not is_run then
        task := orch.need_task(ref);
    end if;
    return query
    select r.id, r.agent, r.node, split_part(n.host, '/', 1), r.log_path, r.ended_at is not null
      from orch.agent_runs as r left join orch.nodes as n on n.node = r.node
     where case when is_run then r.id = btrim(ref)::bigint else r.task_id = task and r.log_path is not null end
     order by r.id desc limit 1;
    if not found and is_run then
        raise exception 'run % does not exist', ref using errcode = 'OR404';
    elsif not found then
        raise exception 'no run of % has a log', ref using errcode = 'OR404';
    end if;
end
$$;
comment on function orch.find_log(text) is
    'Where the log of a run is: of that number, or, for a work item, of its newest run. select * from orch.find_log(''ORCH-042'')';
