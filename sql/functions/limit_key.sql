create or replace function orch.limit_key()
returns bigint language sql immutable parallel safe as $$ select 8030590385701612916 $$;
comment on function orch.limit_key() is 'Advisory lock of a claim while pauses or limits exist, so that two nodes do not both take the last place.';
