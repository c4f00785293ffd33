# lib.sh: what quickstart and test share, for bash. It sets root, the top of the tree.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=${0##*/}

die() {
    echo "$program: $*" >&2
    exit 1
}

as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "\"$1\" needs root: become root, or install sudo"
    fi
}

# missing_packages FILE…: the packages of these lists that are neither installed nor provided by one that is, as npm is by Node.js from elsewhere
missing_packages() {
    local there
    there=$(dpkg-query -W -f='${db:Status-Status} ${Package}, ${Provides}\n' | sed -n 's/^installed //p' | sed 's/([^)]*)//g; s/,/\n/g' | tr -d ' ')
    sed 's/#.*//; s/[[:space:]]*$//; /^$/d' "$@" | grep -vxF -f <(echo "$there") || true
}

# without_services COMMAND…: an installation that starts nothing. The distribution's own Postgres, nginx or Prometheus is not wanted, only the
# programs; Debian asks this file.
without_services() {
    local policy=/usr/sbin/policy-rc.d status=0
    if [[ -e $policy ]]; then
        "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    "$@" || status=$?
    as_root rm -f "$policy"
    return "$status"
}

# need_packages FILE…: installs what is missing of these lists; says nothing when all is there
need_packages() {
    local missing
    command -v dpkg-query >/dev/null || die 'installs on Debian only: elsewhere install the likes of tools/packages*.txt by hand'
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
    echo "$program: installs ${missing[*]}"
    as_root apt-get update -qq || die 'apt-get update failed'
    without_services as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
        die "could not install: ${missing[*]}"
}

# build PRESET [TARGET…]
build() {
    local preset=$1 cores
    shift
    cores=$(nproc)
    (cd "$root" && cmake --preset "$preset" >/dev/null && cmake --build --preset "$preset" -j "$cores" ${1:+--target "$@"})
}

# wait_until SECONDS COMMAND…: until the command succeeds; fails when it never does
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.1
    done
}

# stop_process PID: asks, waits, and if need be makes it end
stop_process() {
    kill "$1" 2>/dev/null || return 0
    wait_until 40 gone "$1" || kill -KILL "$1" 2>/dev/null || true
}

# A zombie is gone too: its parent may be a shell that has not looked yet.
gone() {
    local state
    state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || true
    [[ -z $state || $state == Z ]]
}
