create or replace function orch.report_auto_labels()
returns jsonb language sql stable as $$
    select jsonb_build_object(
        'enabled', orch.setting('auto_labels_enabled')::boolean, 'repos', orch.setting('auto_labels_repos'),
        'approve', orch.setting('auto_approve_label'), 'deploy', orch.setting('auto_deploy_label'),
        'approved_count', (select count(*) from orch.transitions as x where x.actor like 'label %'),
        'deployed_count', (select count(*) from orch.deploys as d where d.confirmed_by like 'label %'))
$$;
comment on function orch.report_auto_labels() is 'Block of GET /queue: labels that act, where, and how often each has.';
