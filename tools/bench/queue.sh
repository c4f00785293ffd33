# queue.sh: workloads that measure the queue alone: drain and enqueue. orchd's side runs orchd's own code, without its processes.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # what run sets, and what it reads

# One round of N jobs in a queue that holds them and nothing else; a tenth before them is the warm-up.
drain_floor() {
    local batch=$1 clients=$2 n=$3 each
    before_round "truncate bench.queue" "insert into bench.queue (payload) select 'x' from generate_series(1, $((n + n / 10 + batch * clients)))" \
        "vacuum (analyze) bench.queue"
    each=$((n / 10 / batch / clients))
    ((each == 0)) || tps "$here/floor.pgbench" -D b="$batch" -c "$clients" -j "$clients" -t "$each" >/dev/null
    times "$batch" "$(tps "$here/floor.pgbench" -D b="$batch" -c "$clients" -j "$clients" -t $((n / batch / clients)))"
}

drain_orchd() {
    local batch=$1 clients=$2 n=$3
    before_round "truncate orch.jobs cascade" \
        "insert into orch.jobs (agent, content) select 'noop', 'x' from generate_series(1, $((n + n / 10 + batch * clients)))" \
        "vacuum (analyze) orch.jobs"
    "$bench" drain --url "$url" --batch "$batch" --connections "$clients" --jobs "$n" --warm-up $((n / 10))
}

# Small batches wait for the disk at each commit: fewer jobs fill the same time.
jobs_for() {
    local batch=$1
    if ((batch >= 100)); then
        echo "$jobs"
    elif ((batch >= 10)); then
        echo $((jobs / 4))
    else
        echo $((jobs / 20))
    fi
}

workload_drain() {
    local round batch clients n case
    for ((round = 1; round <= rounds; round++)); do
        for batch in $batches; do
            for clients in $connections; do
                n=$(jobs_for "$batch") case="batch $batch, connections $clients"
                book drain "$case" floor jobs/s "$(drain_floor "$batch" "$clients" "$n")"
                book drain "$case" orchd jobs/s "$(drain_orchd "$batch" "$clients" "$n")"
            done
        done
        [[ -z $peers ]] || drain_peers
    done
}

# enqueue_round SCRIPT: 16 writers, a row a transaction
enqueue_round() {
    before_round "truncate orch.jobs cascade" "vacuum (analyze) orch.jobs"
    tps "$1" -c "$writers" -j 2 "${span[@]}"
}

writers=16 bulk=1000

workload_enqueue() {
    local round listener rows="'noop', 'x'"
    span=(-T "$seconds")
    # A quick run counts: on a busy machine not one of the writers may be done within a second.
    [[ -z $quick ]] || span=(-t 10)
    echo "insert into orch.jobs (agent, content) values ($rows);" >"$work/insert.pgbench"
    echo "select orch.enqueue($rows);" >"$work/enqueue.pgbench"
    printf '%s\n' 'begin;' "insert into orch.jobs (agent, content) values ($rows);" 'notify orch_jobs;' 'commit;' >"$work/notify.pgbench"
    echo "insert into orch.jobs (agent, content) select $rows from generate_series(1, $bulk);" >"$work/insert_bulk.pgbench"
    echo "select count(*) from orch.enqueue_many((select jsonb_agg(jsonb_build_object('agent', 'noop', 'content', 'x'))
        from generate_series(1, $bulk)));" | tr '\n' ' ' >"$work/enqueue_bulk.pgbench"
    for listener in busy idle; do
        start_listener "$listener"
        for ((round = 1; round <= rounds; round++)); do
            for who in insert notify enqueue; do
                book enqueue "one a transaction, $writers writers, $listener node" "$who" jobs/s "$(enqueue_round "$work/$who.pgbench")"
            done
        done
        stop_node
    done
    sql -c 'delete from orch.nodes'
    for ((round = 1; round <= rounds; round++)); do
        for who in insert enqueue; do
            before_round "truncate orch.jobs cascade" "vacuum (analyze) orch.jobs"
            book enqueue "$bulk a transaction, 1 writer" "$who" jobs/s \
                "$(times $bulk "$(tps "$work/${who}_bulk.pgbench" -c 1 "${span[@]}")")"
        done
    done
}
