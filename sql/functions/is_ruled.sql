create or replace function orch.is_ruled()
returns boolean language sql as $$ select exists (select from orch.pauses) or exists (select from orch.limits) $$;
comment on function orch.is_ruled() is 'Whether any pause or limit exists: then a claim asks them for each job.';
