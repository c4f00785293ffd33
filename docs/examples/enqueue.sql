-- psql -v ON_ERROR_STOP=1 "$DATABASE_URL" -f enqueue.sql
-- The order and the job that writes its invoice: both are there, or neither.
begin;
insert into orders (customer) values ('Ada') returning id as order_id \gset
select orch.enqueue('invoice', format('order %s', :order_id), unique_key => format('invoice of order %s', :order_id)) as job \gset
commit;
\echo job :job of order :order_id

-- Asked again while the job is queued or running, the key gives the same job, not a second invoice.
select orch.enqueue('invoice', unique_key => format('invoice of order %s', :order_id)) = :job as is_the_same;

-- What is rolled back never was.
begin;
select orch.enqueue('invoice', 'nobody will see this') as lost;
rollback;

-- Many at once, all or none: one round trip, and one number for each in the order of the array.
select orch.enqueue_many('[{"agent": "invoice", "content": "March"},
                           {"agent": "invoice", "content": "April", "priority": 5, "tags": ["monthly"]}]') as job;

-- Later, at most three attempts, at most as many at once as the limit of its key allows.
select orch.enqueue('invoice', 'May', run_at => now() + interval '1 day', max_attempts => 3, limit_key => 'printer') as job;

-- What became of it.
select status, attempts, finished_at from orch.job(:job);
