create or replace function orch.report_not_built(subject text)
returns jsonb language sql immutable as $$
    select jsonb_build_object('enabled', false, 'why', 'this version has no ' || subject)
$$;
comment on function orch.report_not_built(text) is 'What a block of GET /queue says of a loop that this version does not have.';
