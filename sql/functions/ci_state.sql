-- Any failure fails, all success (at least one) succeeds, everything else is pending: pending is not green, and neither is silence.
create or replace function orch.ci_state(repo text, sha text, out state text, out contexts jsonb)
language sql stable as $$
    select case
               when count(*) = 0 then 'none'
               when bool_or(c.state in ('error', 'failure', 'warning')) then 'failure'
               when bool_and(c.state in ('success', 'skipped')) then 'success'
               else 'pending'
           end,
           coalesce(jsonb_object_agg(c.context, c.state), '{}')
      from orch.ci_statuses as c where c.repo = ci_state.repo and c.sha = ci_state.sha
$$;
comment on function orch.ci_state(text, text) is 'Combined commit status: none, pending, success or failure, and the status of each context.';
