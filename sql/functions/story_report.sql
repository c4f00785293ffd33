create or replace function orch.story_report(ref text)
returns jsonb language sql stable as $$
    select jsonb_build_object('story', jsonb_agg(jsonb_build_object('at', w.at, 'what', w.what) order by w.nr))
      from orch.why(ref) with ordinality as w (at, what, nr)
$$;
comment on function orch.story_report(text) is 'What GET /tasks/{id}/why answers: the story of orch.why().';
