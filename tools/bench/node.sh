# node.sh: workloads that need orchd itself, as it is run: pickup, starts, stop and idle.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # what run sets, and what it reads

# start_node SLOTS AGENT-YAML [SETTING=VALUE…]: orchd serve with the agents of the YAML lines, until it answers.
start_node() {
    local slots=$1 agents=$2 tries
    shift 2
    rm -rf -- "$work/node"
    mkdir "$work/node"
    printf 'agents:\n%s\n' "$agents" >"$work/node/agents.yaml"
    env -i PATH="$PATH" ORCH_DATABASE_URL="$url" ORCH_NODE=bench ORCH_DATA_DIR="$work/node" ORCH_AGENTS_FILE="$work/node/agents.yaml" \
        ORCH_LISTEN=127.0.0.1:0 ORCH_MAX_CONCURRENCY="$slots" ORCH_DRAIN_SECONDS=0 ORCH_LOG_LEVEL=warn "$@" \
        "$build/bin/orchd" serve >"$work/node/orchd.log" 2>&1 &
    node_pid=$!
    for ((tries = 0; tries < 300; tries++)); do
        kill -0 "$node_pid" 2>/dev/null || die "orchd ended: $(tail -n 3 "$work/node/orchd.log")"
        [[ $(sql -c "select count(*) from orch.nodes where node = 'bench' and pid = $node_pid") == 0 ]] || return 0
        sleep 0.1
    done
    die 'orchd did not start'
}

stop_node() {
    [[ -n $node_pid ]] || return 0
    kill "$node_pid" 2>/dev/null || true
    wait "$node_pid" 2>/dev/null || true
    node_pid=''
}

# wait_until SECONDS SQL: until the query answers t
wait_until() {
    local tries
    for ((tries = 0; tries < $1 * 20; tries++)); do
        [[ $(sql -c "$2") != t ]] || return 0
        sleep 0.05
    done
    die "waited $1 s in vain: $2"
}

# busy: each slot holds a job that does not end. idle: nothing to do, and none of the jobs that come is for it: they are for a node that
# exists on paper, because a job for an agent that no node offers is refused.
start_listener() {
    sql -c 'truncate orch.jobs cascade'
    start_node 2 '  sleeper: {command: [/bin/sleep, "100000"]}'
    sql -c "select orch.node_start('paper', '00000000-0000-4000-8000-00000000be4f', 1, 4, 'bench', interval '1 day', null)" \
        -c "update orch.nodes set agents = '{noop}' where node = 'paper'" >/dev/null
    if [[ $1 == busy ]]; then
        sql -c "select orch.enqueue('sleeper'), orch.enqueue('sleeper')" >/dev/null
        wait_until 60 "select count(*) = 2 from orch.agent_runs where started_at is not null and ended_at is null"
    fi
}

# book_delays CASE WHO PRODUCED SEEN: joins "JOB SENT ANSWERED" with "JOB AT", and books each delay in ms, from both moments of the COMMIT.
book_delays() {
    join <(sort "$3") <(sort "$4") | awk -v OFS='\t' -v c="$1" -v w="$2" '{
        print "pickup", c ", from COMMIT sent", w, "ms", ($4 - $2) / 1e6
        print "pickup", c ", from COMMIT answered", w, "ms", ($4 - $3) / 1e6 }' >>"$work/samples"
}

produce() {
    "$bench" produce --url "$url" --jobs "$pickups" --mean-ms "$([[ -n $quick ]] && echo 20 || echo 100)" --sql "$1"
}

workload_pickup() {
    local watcher
    sql -c 'truncate orch.jobs cascade'
    "$bench" pickup --url "$url" --jobs "$pickups" --out "$work/seen" &
    watcher=$!
    wait_until 60 "select count(*) > 0 from pg_stat_activity where application_name = 'orchd-bench'"
    produce "select orch.enqueue('noop')" >"$work/produced"
    wait "$watcher"
    book_delays 'to the claim' orchd "$work/produced" "$work/seen"

    start_node 4 "  stamp: {command: [$build/bin/orchd-bench-stamp, $work/seen]}"
    : >"$work/seen"
    produce "select orch.enqueue('stamp')" >"$work/produced"
    wait_until 120 "select count(*) = 0 from orch.jobs where status in ('queued', 'running')"
    stop_node
    book_delays "to the agent's exec" orchd "$work/produced" "$work/seen"
    [[ -z $peers ]] || pickup_peers
}

# As many processes at once on both sides; xargs has nothing to remember of them.
workload_starts() {
    local round slots began ended
    for ((round = 1; round <= rounds; round++)); do
        for slots in 4 16; do
            began=$(date +%s%N)
            seq "$starts" | xargs -P "$slots" -n 1 /bin/true
            ended=$(date +%s%N)
            book starts "$slots at once" xargs starts/s "$(awk -v n="$starts" -v t=$((ended - began)) 'BEGIN { print n / t * 1e9 }')"
            before_round "truncate orch.jobs cascade" "insert into orch.jobs (agent) select 'true' from generate_series(1, $starts)" \
                "vacuum (analyze) orch.jobs"
            start_node "$slots" '  "true": {command: [/bin/true]}'
            wait_until 600 "select count(*) = 0 from orch.jobs where status in ('queued', 'running')"
            stop_node
            book starts "$slots at once" orchd starts/s \
                "$(sql -c "select count(*) / extract(epoch from max(finished_at) - min(started_at)) from orch.jobs where status = 'done'")"
        done
    done
}

# stop_through DOOR AGENTS QUEUED CASE: one round of tools/bench/stops
stop_through() {
    "$here/stops" --url "$url" --build "$build" --work "$work" --door "$1" --agents "$2" --queued "$3" >"$work/stopped" || die "no STOPs through $1"
    awk -v OFS='\t' -v c="$4" -v w="$1" '{
        print "stop", "to SIGTERM, " c, w, "ms", $1
        print "stop", "to tree gone, " c, w, "ms", $2 }' "$work/stopped" >>"$work/samples"
}

# As many jobs queued as agents run, so that each that is stopped has a successor; then very many.
workload_stop() {
    local round agents queued door
    read -r agents queued <<<"$stops"
    for ((round = 1; round <= rounds; round++)); do
        stop_through board "$agents" "$agents" "$agents agents"
        for door in board http psql; do
            stop_through "$door" "$agents" "$queued" "$agents agents, $queued queued"
        done
    done
}

# Nanoseconds of CPU that the node's threads have used: ticks are too long for it.
node_ns() {
    cat /proc/"$node_pid"/task/*/schedstat | awk '{ sum += $1 } END { printf "%d\n", sum }'
}

# book_rest CASE: what the node needs while nothing happens
book_rest() {
    local before
    # What the last change has caused is no rest.
    sleep "$settle"
    before=$(node_ns)
    sleep "$idle"
    book idle "$1" orchd '% of a core' \
        "$(awk -v ns=$(($(node_ns) - before)) -v s="$idle" 'BEGIN { print ns / 1e9 / s * 100 }')"
    book idle "$1" orchd 'MB resident' "$(awk '/^VmRSS/ { print $2 / 1024 }' "/proc/$node_pid/status")"
}

# hold_connections COUNT: idle ones, until drop_connections
hold_connections() {
    local port said
    port=$(sed -n 's/.* main\.serving .*port=\([0-9]*\).*/\1/p' "$work/node/orchd.log")
    coproc holder { exec "$here/hold" "$port" "$1"; }
    holder_pid=$!
    read -r -t 120 said <&"${holder[0]}" || die "could not open $1 connections to port $port"
    [[ $said == "$1" ]] || die "hold said \"$said\""
}

drop_connections() {
    [[ -n $holder_pid ]] || return 0
    kill "$holder_pid" 2>/dev/null || true
    wait "$holder_pid" 2>/dev/null || true
    holder_pid=''
}

workload_idle() {
    local agents=100
    sql -c 'truncate orch.jobs cascade'
    start_node "$agents" '  sleeper: {command: [/bin/sleep, "100000"]}' ORCH_LOG_LEVEL=info ORCH_HTTP_TIMEOUT=600 ORCH_HTTP_MAX_CONNECTIONS=$((connected + 24))
    book_rest 'no agents'
    sql -c "select orch.enqueue('sleeper') from generate_series(1, $agents)" >/dev/null
    wait_until 300 "select count(*) = $agents from orch.agent_runs where started_at is not null and ended_at is null"
    book_rest "$agents agents"
    hold_connections "$connected"
    book_rest "$agents agents, $connected connections"
    drop_connections
    stop_node
}
