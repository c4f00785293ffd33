# depth.sh: what a claim costs in a queue that has a past, while an old transaction elsewhere keeps every dead row in its place.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # what run sets, and what it reads

# A transaction that began before everything and reads nothing more: a forgotten session, a backup.
start_old_transaction() {
    coproc OLD { psql -XAtq -d "$url"; }
    old_pid=$OLD_PID
    echo "begin isolation level repeatable read; select pg_backend_pid() from pg_current_snapshot();" >&"${OLD[1]}"
    read -r old_backend <&"${OLD[0]}"
}

# Seconds since it began, if it still holds its snapshot. What is measured without it is not what was meant.
old_transaction_age() {
    local age
    age=$(sql -c "select extract(epoch from now() - xact_start)::int from pg_stat_activity
                   where pid = $old_backend and state = 'idle in transaction' and backend_xmin is not null")
    [[ -n $age ]] || die 'the old transaction ended before the measurement did'
    echo "$age"
}

stop_old_transaction() {
    [[ -n $old_pid ]] || return 0
    kill "$old_pid" 2>/dev/null || true
    wait "$old_pid" 2>/dev/null || true
    old_pid=''
}

# explain_claim FILE: the plans and buffers of one claim of 100, as the server logs them for each statement inside the function, and undone
explain_claim() {
    sql >/dev/null 2>"$1" <<SQL
load 'auto_explain';
set client_min_messages = log;
select orch.node_start('explain', '00000000-0000-4000-8000-00000000be4e', 1, 100, 'bench', interval '1 hour', null);
begin;
select count(*) from orch.claim_jobs('explain', '00000000-0000-4000-8000-00000000be4e', 100);
rollback;
set auto_explain.log_min_duration = 0;
set auto_explain.log_nested_statements = on;
set auto_explain.log_analyze = on;
set auto_explain.log_buffers = on;
begin;
select count(*) from orch.claim_jobs('explain', '00000000-0000-4000-8000-00000000be4e', 100);
rollback;
SQL
}

# drain_depth WHO: each batch size in turn; the jobs are taken from the backlog, so what is dead grows from round to round
drain_depth() {
    local round batch n
    for ((round = 1; round <= rounds; round++)); do
        for batch in $batches; do
            n=$((batch * (batch >= 100 ? 100 : batch >= 10 ? 300 : 1000)))
            [[ -z $quick ]] || n=100
            book depth "batch $batch" "$1" 'us/job' \
                "$("$bench" drain --url "$url" --batch "$batch" --connections 1 --jobs "$n" --warm-up $((n / 10)) | awk '{ printf "%.2f\n", 1e6 / $1 }')"
        done
    done
}

workload_depth() {
    local queued held finished later began total case
    read -r queued held finished later <<<"$depth"
    # Without a past and without an old transaction: enough jobs for the rounds, and nothing else.
    total=$((rounds * 20000))
    [[ -z $quick ]] || total=1000
    before_round 'truncate orch.jobs cascade' "insert into orch.jobs (agent, content) select 'noop', 'x' from generate_series(1, $total)" \
        'vacuum (analyze) orch.jobs'
    drain_depth empty

    sql -c 'truncate orch.jobs cascade'
    start_old_transaction
    began=$SECONDS
    sql -v queued="$queued" -v held="$held" -v finished="$finished" -v later="$later" -f "$here/depth.sql"
    sql -c 'vacuum (analyze) orch.jobs' -c checkpoint
    case="$queued queued, $held held, $finished finished, $later later"
    book depth "$case" built s $((SECONDS - began))
    book depth "$case" size MB "$(sql -c "select pg_total_relation_size('orch.jobs') / 1048576")"
    explain_claim "$out.explain-before"
    drain_depth full
    explain_claim "$out.explain-after"
    book depth "$case" 'old transaction' s "$(old_transaction_age)"
    stop_old_transaction
    sql -c 'truncate orch.jobs cascade'
}
