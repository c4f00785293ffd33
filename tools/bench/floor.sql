-- The plainest queue there is, and with it the floor: no priorities, no attempts, no fence, nothing to ask it.
create schema if not exists bench;
create table if not exists bench.queue (
    id          bigint generated always as identity primary key,
    payload     text,
    status      text not null default 'queued',
    created_at  timestamptz default now(),
    finished_at timestamptz
);
create index if not exists queue_ready on bench.queue (id) where status = 'queued';
