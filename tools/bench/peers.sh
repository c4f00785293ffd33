# peers.sh: the same jobs through two queues of the npm registry, on the same Postgres, in the same run.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # what run sets, and what it reads

peer_names='graphile pgboss'
peer_jobs_max=100000

install_peers() {
    local name
    [[ ! -d $work/npm ]] || return 0
    command -v npm >/dev/null || die '--peers needs node and npm'
    mkdir "$work/npm"
    (cd "$work/npm" && npm init -y && npm install --no-audit --no-fund graphile-worker pg-boss) >"$work/npm.log" 2>&1 ||
        die "npm: $(tail -n 3 "$work/npm.log")"
    cp "$here/peers.mjs" "$work/npm"
    {
        printf 'peer node\t%s\n' "$(node --version)"
        for name in graphile-worker pg-boss; do
            printf 'peer %s\t%s\n' "$name" "$(sed -n 's/^  "version": "\(.*\)",*$/\1/p' "$work/npm/node_modules/$name/package.json")"
        done
    } >"$work/peers"
    for name in $peer_names; do
        peer "$name" install "$url"
    done
}

peer() {
    node "$work/npm/peers.mjs" "$@"
}

# What the peers' own functions would make of N calls of theirs, set-based.
fill_graphile() {
    before_round 'truncate graphile_worker._private_jobs cascade' "select count(*) from graphile_worker.add_jobs(array(
        select json_populate_record(null::graphile_worker.job_spec, '{\"identifier\": \"noop\", \"payload\": {}}') from generate_series(1, $1)))" \
        'vacuum (analyze) graphile_worker._private_jobs' >/dev/null
}

fill_pgboss() {
    before_round "delete from pgboss.job" "insert into pgboss.job (name, data) select 'noop', '{}' from generate_series(1, $1)" \
        'vacuum (analyze) pgboss.job' >/dev/null
}

drain_peers() {
    local name n=$((jobs < peer_jobs_max ? jobs : peer_jobs_max)) clients
    install_peers
    for name in $peer_names; do
        for clients in $connections; do
            "fill_$name" $((n + n / 5 + 1000))
            book drain "its best, connections $clients" "$name" jobs/s "$(peer "$name" drain "$url" "$n" $((n / 10)) "$clients")"
        done
    done
}

pickup_peers() {
    local name watcher
    local -A statement=(
        [graphile]="select id from graphile_worker.add_job('noop', '{}'::json)"
        [pgboss]="insert into pgboss.job (name, data) values ('noop', '{}') returning id"
    )
    install_peers
    for name in $peer_names; do
        "fill_$name" 0
        rm -f "$work/seen"
        peer "$name" pickup "$url" "$pickups" "$work/seen" &
        watcher=$!
        sleep 3 # until it listens; what comes earlier would wait for that
        produce "${statement[$name]}" >"$work/produced"
        wait "$watcher"
        book_delays 'to the claim' "$name" "$work/produced" "$work/seen"
    done
}
