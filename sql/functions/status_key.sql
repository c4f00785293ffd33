create or replace function orch.status_key(name text)
returns text language sql immutable parallel safe as $$
    select case lower(btrim(name))
        when 'to analyse' then 'to_analyse'
        when 'analysis' then 'analysis'
        when 'architecture' then 'architecture'
        when 'development' then 'development'
        when 'review' then 'review'
        when 'testing' then 'testing'
        when 'deploying' then 'deploying'
        when 'awaiting deploy' then 'awaiting_deploy'
        when 'monitoring after deploy' then 'monitoring'
        when 'needs input' then 'needs_input'
        when 'blocked' then 'blocked'
        when 'approved' then 'approved'
        when 'rejected' then 'rejected'
        when 'confirm deploy' then 'confirm_deploy'
        when 'stop' then 'stop'
        when 'done' then 'done'
        when 'cancelled' then 'cancelled'
        when 'backlog' then 'backlog'
        when 'todo' then 'todo'
    end
$$;
comment on function orch.status_key(text) is 'Logical key of a status by its name on the board; null = a name that means nothing to orchd.';
