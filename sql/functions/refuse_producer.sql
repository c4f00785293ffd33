create or replace function orch.refuse_producer()
returns void language plpgsql as $$
begin
    raise exception 'role "%" may not enqueue: accepted are members of orch_producer, orch_operator and orch_service', current_user
        using errcode = 'insufficient_privilege', hint = format('As the owner: grant orch_producer to %I', current_user);
end
$$;
comment on function orch.refuse_producer() is 'Tells a role that it may not enqueue, and who may.';
