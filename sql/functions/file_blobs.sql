create or replace function orch.file_blobs(evidence jsonb)
returns jsonb language sql immutable as $$
    select coalesce(jsonb_object_agg(f.key, f.value -> 'blob'), '{}') from jsonb_each(evidence) as f
     where f.value ? 'blob' having evidence is not null
$$;
comment on function orch.file_blobs(jsonb) is 'The blob of each file that evidence tells of; null for no evidence.';
