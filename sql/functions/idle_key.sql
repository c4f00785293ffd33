create or replace function orch.idle_key()
returns bigint language sql immutable parallel safe as $$ select 8030590385650953317 $$; -- "orchidle"
comment on function orch.idle_key() is 'Advisory lock that idle nodes share; see orch.wake_nodes().';
