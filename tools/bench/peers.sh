# peers.sh: the same jobs through two queues of the npm registry, on the same Postgres, in the same run.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # what run sets, and what it reads

peer_names='graphile pgboss'
peer_jobs_max=20000
peer_pickups_max=100
peer_patience=60
node=''
declare -A peer_fault=()

# npm_install DIR PACKAGE…: false when it does not come about
npm_install() {
    local dir=$1
    shift
    mkdir -p "$dir"
    echo '{"private": true}' >"$dir/package.json"
    (cd "$dir" && timeout --kill-after=5 90 npm install --no-audit --no-fund --loglevel=error --fetch-retries=1 "$@") >"$work/npm.log" 2>&1
}

# The newest of both ask for a newer node than Debian has: npm brings it along. Where it does not, npm takes what suits the node
# that is there.
install_peers() {
    local name said
    [[ -z $node ]] || return 0
    node=$(command -v node || echo none)
    if npm_install "$work/npm" node@22 && "$work/npm/node_modules/.bin/node" --version >/dev/null 2>&1; then
        node=$work/npm/node_modules/.bin/node
    fi
    PATH=$(dirname "$node"):$PATH npm_install "$work/npm-peers" graphile-worker@latest pg-boss@latest ||
        npm_install "$work/npm-peers" graphile-worker pg-boss || {
        said=$(sed -n '/./{p;q}' "$work/npm.log" | cut -c 1-120)
        for name in $peer_names; do
            peer_fault[$name]=${said:-npm was not done in time}
        done
        return 0
    }
    cp "$here/peers.mjs" "$work/npm-peers"
    printf 'peer node\t%s\n' "$("$node" --version)" >"$work/peers"
    for name in graphile-worker pg-boss; do
        printf 'peer %s\t%s\n' "$name" \
            "$("$node" -p "require('$work/npm-peers/node_modules/$name/package.json').version")" >>"$work/peers"
    done
    for name in $peer_names; do
        peer "$name" install "$url" || peer_fault[$name]="its schema: $(<"$work/why")"
    done
}

# peer NAME VERB ARG…: one step of a peer's, within peer_patience seconds. What goes wrong is told in $work/why: it costs the figure,
# not the run.
peer() {
    local status=0
    timeout --foreground --kill-after=5 "$peer_patience" "$node" "$work/npm-peers/peers.mjs" "$@" 2>"$work/peer.log" || status=$?
    ((status)) || return 0
    if ((status == 124 || status == 137)); then
        echo "not done within $peer_patience s" >"$work/why"
    else
        { grep . "$work/peer.log" || echo "exit status $status"; } | tail -n 1 | cut -c 1-120 >"$work/why"
    fi
    return 1
}

# peer_sql STATEMENT…: a quiet beginning for a peer, within the same time
peer_sql() {
    local statement statements=()
    for statement in "$@" checkpoint; do
        statements+=(-c "$statement")
    done
    PGOPTIONS="-c statement_timeout=${peer_patience}s" sql "${statements[@]}" >/dev/null 2>"$work/peer.log" && return 0
    head -n 1 "$work/peer.log" | cut -c 1-120 >"$work/why"
    return 1
}

# What the peers' own functions would make of N calls of theirs, set-based.
fill_graphile() {
    peer_sql 'truncate graphile_worker._private_jobs cascade' "select count(*) from graphile_worker.add_jobs(array(
        select json_populate_record(null::graphile_worker.job_spec, '{\"identifier\": \"noop\", \"payload\": {}}')
          from generate_series(1, $1)))" \
        'vacuum (analyze) graphile_worker._private_jobs'
}

fill_pgboss() {
    peer_sql 'delete from pgboss.job' "insert into pgboss.job (name, data) select 'noop', '{}' from generate_series(1, $1)" \
        'vacuum (analyze) pgboss.job'
}

drain_peer() {
    local name=$1 clients=$2 n=$((jobs < peer_jobs_max ? jobs : peer_jobs_max)) case rate
    case="its best, connections $clients"
    if [[ -n ${peer_fault[$name]:-} ]]; then
        book_nothing drain "$case" "$name" "${peer_fault[$name]}"
    elif "fill_$name" $((n + n / 5 + 1000)) && rate=$(peer "$name" drain "$url" "$n" $((n / 10)) "$clients") && [[ -n $rate ]]; then
        book drain "$case" "$name" jobs/s "$rate"
    else
        book_nothing drain "$case" "$name" "$(<"$work/why")"
    fi
}

drain_peers() {
    local name clients
    install_peers
    for name in $peer_names; do
        for clients in $connections; do
            drain_peer "$name" "$clients"
        done
    done
}

# As the peers' own functions enqueue: both ring, pg-boss as of version 12.
enqueue_graphile="select id from graphile_worker.add_job('noop', '{}'::json)"
enqueue_pgboss="with added as (insert into pgboss.job (name, data) values ('noop', '{}') returning id)
    select id from added, pg_notify('pgboss_' || left(encode(sha224('pgboss'), 'hex'), 24), 'noop')"

# watched PID: until the worker listens, or is no more
watched() {
    local tries
    for ((tries = 0; tries < peer_patience * 20; tries++)); do
        [[ ! -e $work/seen.ready ]] || return 0
        kill -0 "$1" 2>/dev/null || break
        sleep 0.05
    done
    return 1
}

pickup_peer() {
    local name=$1 watcher statement=enqueue_$1 case='to the claim' n=$((pickups < peer_pickups_max ? pickups : peer_pickups_max))
    if [[ -n ${peer_fault[$name]:-} ]]; then
        book_nothing pickup "$case" "$name" "${peer_fault[$name]}"
        return
    fi
    if ! "fill_$name" 0; then
        book_nothing pickup "$case" "$name" "$(<"$work/why")"
        return
    fi
    rm -f "$work/seen" "$work/seen.ready"
    peer "$name" pickup "$url" "$n" "$work/seen" &
    watcher=$!
    if watched "$watcher"; then
        pickups=$n produce "${!statement}" >"$work/produced" || true
    fi
    if wait "$watcher"; then
        book_delays "$case" "$name" "$work/produced" "$work/seen"
    else
        book_nothing pickup "$case" "$name" "$(<"$work/why")"
    fi
}

pickup_peers() {
    local name
    install_peers
    for name in $peer_names; do
        pickup_peer "$name"
    done
}
