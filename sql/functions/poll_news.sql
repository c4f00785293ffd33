-- A change that is stamped before another may be committed after it: so a minute is looked at twice. What the issue's row knows already, from
-- a delivery or as our own write, is no news.
create or replace function orch.poll_news(project_id bigint, issues jsonb, out news jsonb, out newest timestamptz, out goes_on boolean)
language sql stable as $$
    select coalesce(jsonb_agg(jsonb_build_object(
                        'delivery_key', format('%s@%s', i.facts ->> 'issue_id', i.facts ->> 'updated_at'),
                        'facts', i.facts || jsonb_build_object('action', 'updated', 'project_id', p.plane_project_id),
                        'wants_description', coalesce(s.key = 'to_analyse', false))
                    order by i.updated_at) filter (where i.updated_at >= p.since and coalesce(b.changed_at < i.updated_at, true)), '[]'),
           max(i.updated_at),
           coalesce(bool_and(i.updated_at >= p.since), false)
      from (select q.id, q.plane_project_id, q.polled_to - interval '1 minute' as since from orch.projects as q where q.id = poll_news.project_id) as p
           cross join (select e.value as facts, (e.value ->> 'updated_at')::timestamptz as updated_at
                         from jsonb_array_elements(poll_news.issues) as e) as i
           left join orch.board_issues as b on b.issue_id = i.facts ->> 'issue_id'
           left join orch.board_states as s on s.project_id = p.id and s.state_id = i.facts ->> 'state_id'
$$;
comment on function orch.poll_news(bigint, jsonb) is
    'What of a page of a project''s issues, the last changed first, nobody has told yet (news, oldest first, as receive_event() takes them), its newest change, and whether the next page may hold more.';
