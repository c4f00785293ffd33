-- NOTIFY takes a lock of the whole database at commit, so it rings only where somebody sleeps. The test and its undoing are one expression:
-- no interrupt comes between. It must come after the write that makes the job ready: a node that goes idle waits for the transactions it saw.
create or replace function orch.wake_nodes()
returns void language plpgsql as $$
begin
    if not (pg_try_advisory_lock(orch.idle_key()) and pg_advisory_unlock(orch.idle_key())) then
        perform pg_notify('orch_jobs', '');
    end if;
end
$$;
comment on function orch.wake_nodes() is 'Rings the nodes when one of them is idle. Called after a job was made ready, in the same transaction.';
