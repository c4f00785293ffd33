begin;
\ir support.inc
select * from no_plan();
create function pg_temp.label(variadic labels text[])
returns text language sql as $$
    select r.status || ': ' || coalesce(r.reason, '') from orch.receive_event('plane', 'l-' || nextval('pg_temp.tick'), 'issue', jsonb_build_object(
        'action', 'updated', 'issue_id', 'i-1', 'project_id', 'p-1', 'state_id', 's-analysis', 'field', 'labels', 'labels', to_jsonb(labels),
        'updated_at', '2026-01-01'::timestamptz + nextval('pg_temp.tick') * interval '1 s', 'updated_by', 'bot', 'sequence_id', 7,
        'title', 'Add a cart', 'actor_id', 'alice'), '{}') as r
$$;
create function pg_temp.analysed()
returns text language sql as $$ select pg_temp.finish(r.id, 'ok', '{"head": "h1"}') from orch.agent_runs as r where r.ended_at is null $$;

savepoint off;
select pg_temp.drive('analysis');
select pg_temp.label('auto-approve');
select is(pg_temp.analysed(), 'done, analysis', 'P9 labels do nothing unless they may');
rollback to off;

select orch.set_setting('auto_labels_enabled', 'on');
savepoint fresh;
select pg_temp.drive('analysis');
select matches(pg_temp.label('Bug', ' Auto-Approve '), '^ignored', 'P9 a label before the analysis is finished opens nothing');
select is(pg_temp.stage(), 'analysis', 'P9 yet');
select is(pg_temp.analysed(), 'done, architecture', 'P9 it opens the gate when the analysis is finished');
select results_eq($$select x.actor, x.cause, x.evidence ->> 'approved_by' from orch.transitions as x where x.to_stage = 'architecture'$$,
                  $$values ('label auto-approve', 'check_analysis_approved', 'label auto-approve')$$, 'P9 and what opened it is recorded');
select isnt((select t.brd_review_ended_at from orch.tasks as t), null, 'P7 the review clock has ended');
select is_empty($$select from orch.outbox as o where o.payload ->> 'text' like 'The analysis is ready%'$$, 'P9 nobody is asked');

rollback to fresh;
select pg_temp.drive('analysis');
select pg_temp.analysed();
select matches(pg_temp.label('auto-approve'), '^routed: approved', 'P9 a label that comes later opens it at once');
select is(pg_temp.stage(), 'architecture', 'P9 the gate is open');
select matches(pg_temp.label('auto-approve', 'x'), '^ignored', 'P9 and once');

rollback to fresh;
select pg_temp.drive('parked');
select matches(pg_temp.label('auto-deploy'), '^routed: confirmed', 'P9 a label confirms a parked deploy');
select is((select d.confirmed_by from orch.deploys as d), 'label auto-deploy', 'P9 and what confirmed it is recorded');
select pg_temp.merges();
select is((select j.stage from orch.jobs as j where j.status = 'queued'), 'deploy', 'P9 it deploys');

rollback to fresh;
select pg_temp.drive('deploy-staging');
select pg_temp.label('auto-deploy');
select pg_temp.finish(r.id, 'ok', '{"head": "h6", "evidence": {"15-staging-log.md": {"staging_status": "SUCCESS"}}}') from orch.agent_runs as r where r.ended_at is null;
select isnt((select d.confirmed_at from orch.deploys as d), null, 'P9 a label that was there before confirms the deploy when it parks');
select is(pg_temp.merges(), 1, 'M1 its merge is tried once');
select is((select j.stage from orch.jobs as j where j.status = 'queued'), 'deploy', 'P9 it deploys');

rollback to fresh;
select orch.set_setting('auto_labels_repos', 'blog');
select pg_temp.drive('analysis');
select pg_temp.label('auto-approve');
select is(pg_temp.analysed(), 'done, analysis', 'P9 labels act in the repos of the setting only');
select orch.set_setting('auto_labels_repos', 'shop');
select orch.set_setting('auto_approve_label', 'go');
select matches(pg_temp.label('auto-approve'), '^ignored', 'P9 the name is a setting');
select matches(pg_temp.label('go'), '^routed: approved', 'P9 which counts at once');
select is(orch.queue_report() -> 'auto_labels',
          '{"enabled": true, "repos": "shop", "approve": "go", "deploy": "auto-deploy", "approved_count": 1, "deployed_count": 0}'::jsonb,
          'P9 GET /queue shows them');

select * from finish();
rollback;
