-- The pipeline's stages, and the defaults of the settings that SQL functions read (a test compares them with src/config/options.def).
insert into orch.stages (stage, position, next, agent, gate, on_reject, status_key, is_terminal) values
    ('created',        0, 'analysis',       'analyst',   null,                      null,           null,              false),
    ('analysis',       1, 'architecture',   'architect', 'check_analysis_approved', 'analysis',     'analysis',        false),
    ('architecture',   2, 'development',    'developer', 'check_architecture_done', 'architecture', 'architecture',    false),
    ('development',    3, 'review',         'reviewer',  'check_ci_green',          'development',  'development',     false),
    ('review',         4, 'testing',        'tester',    'check_review_approved',   'development',  'review',          false),
    ('testing',        5, 'deploy-staging', 'deployer',  'check_tests_passed',      'development',  'testing',         false),
    ('deploy-staging', 6, 'deploy',         'deployer',  'check_staging_status',    'development',  'deploying',       false),
    ('deploy',         7, 'done',           null,        'check_deploy_status',     'development',  'awaiting_deploy', false),
    ('done',           8, null,             null,        null,                      null,           'done',            true),
    ('cancelled',      9, null,             null,        null,                      null,           null,              true);

insert into orch.settings (name, published) values
    ('plane_states_ttl_s',     '300 s'),
    ('max_attempts',           '2'),
    ('retry_base',             '10 s'),
    ('max_transient',          '20'),
    ('qg0_title_max',          '200'),
    ('max_stage_returns',      '3'),
    ('stop_status_enabled',    'on'),
    ('stop_status_repos',      ''),
    ('serial_gate_enabled',    'on'),
    ('serial_gate_repos',      ''),
    ('confirm_deploy_enabled', 'on'),
    ('effect_retry_base',      '2 s'),
    ('effect_max_attempts',    '12'),
    ('event_retry_base',       '5 s'),
    ('event_max_attempts',     '10');
