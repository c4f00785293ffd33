# lib.sh: the cluster, the rounds and the books of tools/bench/run.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # what run sets, and what it reads

pgbin=$(dirname "$(readlink -f "$(command -v pgbench || echo /usr/lib/postgresql/15/bin/pgbench)")")
[[ -x $pgbin/pgbench ]] || pgbin=/usr/lib/postgresql/15/bin
work='' url='' node_pid='' holder_pid='' old_pid='' load_before=''

say() {
    echo "bench: $(date +%T) $*" >&2
}

sql() {
    psql -XAtq -v ON_ERROR_STOP=1 -d "$url" "$@"
}

# The same for everybody: memory for the working set, and no checkpoint that falls into one round and not into the next.
settings=("shared_buffers = '1GB'" "max_wal_size = '3GB'" "checkpoint_timeout = '30min'" "log_min_messages = 'error'" "jit = off")

begin() {
    local setting
    # Postgres runs as its own user there, so all directories above have to let it through.
    work=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
    chmod 755 "$work"
    trap clean_up EXIT
    trap 'exit 130' INT TERM
    load_before=$(cut -d' ' -f1-3 /proc/loadavg)
    mkdir "$work/db"
    url=$("$root/tools/devdb" start "$work/db")
    for setting in "${settings[@]}"; do
        sql -c "alter system set $setting"
    done
    "$root/tools/devdb" restart "$work/db" >/dev/null
    ORCH_DATABASE_URL=$url "$build/bin/orchd" migrate >"$work/migrate.log" 2>&1 || die "could not migrate: $(tail -n 3 "$work/migrate.log")"
    sql -f "$here/floor.sql"
    : >"$work/samples"
}

clean_up() {
    drop_connections
    stop_node
    stop_old_transaction
    "$root/tools/devdb" stop "$work/db" 2>/dev/null || true
    rm -rf -- "$work"
}

# book WORKLOAD CASE WHO UNIT VALUE: one measured value. Those that share the first four are rounds of one figure.
book() {
    [[ -n $5 ]] || die "$1, $2, $3: nothing was measured"
    printf '%s\t%s\t%s\t%s\t%s\n' "$@" >>"$work/samples"
}

# book_nothing WORKLOAD CASE WHO WHY: a figure that is missing; the table says why
book_nothing() {
    say "$1, $2, $3: not measured: $4"
    printf '%s\t%s\t%s\tnot measured\t%s\n' "$1" "$2" "$3" "$(tr '\t\n' '  ' <<<"$4")" >>"$work/samples"
}

# before_round STATEMENT…: a quiet beginning: the rows of the round, their statistics, and nothing left to be written behind its back.
before_round() {
    local statement
    for statement in "$@" checkpoint; do
        sql -c "$statement"
    done
}

# tps FILE OPTION…: transactions a second of a pgbench script
tps() {
    local script=$1 said
    shift
    said=$("$pgbin/pgbench" -n -M prepared -f "$script" "$@" "$url" 2>"$work/pgbench.log") || die "pgbench: $(tail -n 3 "$work/pgbench.log")"
    sed -n 's/^tps = \([0-9.]*\) .*/\1/p' <<<"$said"
}

times() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f\n", a * b }'
}

facts() {
    printf '%s\t%s\n' \
        command "$command_line" version "$("$build/bin/orchd" --version | head -n 1)" commit "$(git -C "$root" describe --always --dirty)" \
        taken_at "$(date -u +%FT%TZ)" cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" cores "$(nproc)" \
        memory_kb "$(sed -n 's/^MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo)" kernel "$(uname -r)" \
        load_before "$load_before" load_after "$(cut -d' ' -f1-3 /proc/loadavg)" \
        postgres "$(sql -c 'show server_version')" pgbench "$("$pgbin/pgbench" --version)" quick "${quick:-0}"
    sql -F $'\t' -c "select 'setting ' || name, current_setting(name) from pg_settings
                      where name in ('fsync', 'synchronous_commit', 'full_page_writes') or source = 'configuration file' and name in
                            ('shared_buffers', 'max_wal_size', 'checkpoint_timeout', 'jit', 'max_connections') order by name"
    [[ ! -f $work/peers ]] || cat "$work/peers"
}

finish() {
    facts >"$work/facts"
    "$here/gather" "$work/samples" "$work/facts" "$out"
    say "wrote $out"
}
