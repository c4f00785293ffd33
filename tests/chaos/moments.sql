-- What the driver hears: every moment of a task, told when it is committed. And what must never happen is written down, whoever did it.
create schema chaos;

create table chaos.sins (at timestamptz not null default clock_timestamp(), what text not null);

create function chaos.tell(task_id bigint, word text)
returns void language sql as $$
    select pg_notify('chaos', orch.original_key(t.plane_issue_id) || ' ' || tell.word) from orch.tasks as t where t.id = tell.task_id
$$;

create function chaos.see_task()
returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        perform chaos.tell(new.id, 'made');
        return null;
    end if;
    if orch.is_terminal(old.stage) and new.stage <> old.stage then
        insert into chaos.sins (what) values (format('task %s went from %s to %s', new.id, old.stage, new.stage));
    end if;
    if new.stage <> old.stage then
        perform chaos.tell(new.id, new.stage);
    end if;
    if new.brd_review_started_at is distinct from old.brd_review_started_at and new.brd_review_started_at is not null then
        perform chaos.tell(new.id, 'analysed');
    end if;
    if new.cancel_requested_at is not null and old.cancel_requested_at is null then
        perform chaos.tell(new.id, 'deferred');
    end if;
    return null;
end
$$;

create function chaos.see_job()
returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        perform chaos.tell(new.task_id, 'queued');
        return null;
    end if;
    if old.status in ('done', 'failed', 'cancelled') and new.status <> old.status then
        insert into chaos.sins (what) values (format('job %s went from %s to %s', new.id, old.status, new.status));
    end if;
    if new.status <> old.status and new.status <> 'cancelled' and exists (select from orch.tasks as t where t.id = new.task_id and t.stage = 'cancelled') then
        insert into chaos.sins (what) values (format('job %s of the cancelled task %s went from %s to %s', new.id, new.task_id, old.status, new.status));
    end if;
    if new.status = 'running' and old.status <> 'running' then
        perform chaos.tell(new.task_id, 'claimed');
    end if;
    return null;
end
$$;

create function chaos.see_run()
returns trigger language plpgsql as $$
begin
    if old.started_at is null and new.started_at is not null and new.ended_at is null then
        perform chaos.tell(new.task_id, 'recorded');
    end if;
    return null;
end
$$;

create function chaos.see_deploy()
returns trigger language plpgsql as $$
begin
    perform chaos.tell(new.task_id, 'parked');
    return null;
end
$$;

create trigger chaos after insert or update on orch.tasks for each row execute function chaos.see_task();
create trigger chaos after insert or update of status on orch.jobs for each row execute function chaos.see_job();
create trigger chaos after update of started_at on orch.agent_runs for each row execute function chaos.see_run();
create trigger chaos after insert on orch.deploys for each row execute function chaos.see_deploy();

-- Everything once more, for who has missed some.
create function chaos.retell()
returns void language sql as $$
    select chaos.tell(t.id, 'made'), chaos.tell(t.id, t.stage) from orch.tasks as t;
    select chaos.tell(t.id, 'analysed') from orch.tasks as t where t.brd_review_started_at is not null;
    select chaos.tell(t.id, 'deferred') from orch.tasks as t where t.cancel_requested_at is not null;
    select chaos.tell(j.task_id, 'queued') from orch.jobs as j;
    select chaos.tell(j.task_id, 'claimed') from orch.jobs as j where j.run_id is not null;
    select chaos.tell(r.task_id, 'recorded') from orch.agent_runs as r where r.started_at is not null;
    select chaos.tell(d.task_id, 'parked') from orch.deploys as d;
$$;
