create or replace function orch.span_text(span interval)
returns text language sql immutable parallel safe as $$
    select case when span < interval '10 s' then round(extract(epoch from span) * 1000) || ' ms'
                when span < interval '10 min' then round(extract(epoch from span), 1) || ' s'
                else date_trunc('second', span)::text end
$$;
comment on function orch.span_text(interval) is 'How long something took, in words for a person.';
