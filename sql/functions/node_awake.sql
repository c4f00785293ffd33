create or replace function orch.node_awake()
returns void language sql as $$ select pg_advisory_unlock_shared(orch.idle_key()) $$;
comment on function orch.node_awake() is 'Called on a node''s LISTEN connection: the session is idle no more, and need not be rung.';
