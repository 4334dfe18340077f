#!/usr/bin/env bash
# Run a command with a Docker engine that has the Kafka image.
#
#   with-docker.sh COMMAND [ARGUMENT...]
#   with-docker.sh python -m pytest tests/broker
#
# An engine that answers is used and left alone. Else one is started (as root), with its images in
# TENSIONWIRE_DOCKER_ROOT (default ~/.cache/tensionwire/docker), and stopped after the command.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Seconds an engine may take to answer or to stop.
patience=60

fail() {
  printf 'with-docker.sh: %s\n' "$*" >&2
  exit 1
}

(($#)) || fail 'which command? usage: with-docker.sh COMMAND [ARGUMENT...]'
command -v docker >/dev/null || fail 'docker is not on PATH; install it (Debian: docker.io)'

runtime=''
engine=''

stop_engine() {
  local status=$? bridges=() id
  trap - EXIT
  if [[ -n $engine ]]; then
    # An engine leaves the bridges of its networks on the host.
    for id in $(docker network ls --quiet --filter driver=bridge 2>/dev/null || true); do
      bridges+=("br-$id")
    done
    ! kill "$engine" 2>/dev/null || wait "$engine" || true
  fi
  if [[ -n $runtime ]]; then
    [[ $had_bridge == yes ]] || bridges+=(docker0)
    for id in "${bridges[@]}"; do
      ip link delete "$id" 2>/dev/null || true
    done
    rm -rf "$runtime" || true
  fi
  exit "$status"
}

start_engine() {
  dockerd --host "$DOCKER_HOST" --data-root "$data" --exec-root "$runtime/exec" \
    --pidfile "$runtime/pid" "$@" >"$runtime/log" 2>&1 &
  engine=$!
  local waited
  for ((waited = 0; waited < patience * 5; waited++)); do
    docker version >/dev/null 2>&1 && return 0
    kill -0 "$engine" 2>/dev/null || break
    sleep 0.2
  done
  kill "$engine" 2>/dev/null || true
  wait "$engine" || true
  engine=''
  return 1
}

if ! docker version >/dev/null 2>&1; then
  command -v dockerd >/dev/null || fail 'no Docker engine answers and dockerd is not on PATH; install it (Debian: docker.io)'
  ((EUID == 0)) || fail 'no Docker engine answers and starting one needs root'
  data=${TENSIONWIRE_DOCKER_ROOT:-$HOME/.cache/tensionwire/docker}
  # Short, because the path of a socket may not exceed 107 bytes.
  runtime=$(mktemp -d /tmp/twd.XXXXXX)
  had_bridge=no
  ! [[ -e /sys/class/net/docker0 ]] || had_bridge=yes
  export DOCKER_HOST=unix://$runtime/docker.sock
  trap stop_engine EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  # Ports are published by a proxy process, so the host's firewall and routing can stay untouched.
  gentle=(--iptables=false --ip6tables=false --ip-forward=false --ip-masq=false)
  start_engine "${gentle[@]}" ||
    start_engine "${gentle[@]}" --bridge=none --storage-driver=vfs ||
    fail "dockerd did not come up: $(tail -n 5 "$runtime/log")"
fi

# The reaper's image would have to be pulled; the fixture stops its own container.
export TESTCONTAINERS_RYUK_DISABLED=true
if [[ -z ${TENSIONWIRE_KAFKA_IMAGE-} ]]; then
  docker image inspect tensionwire/kafka:4.2.0 >/dev/null 2>&1 || "$here/build-image.sh" >&2
fi
"$@"
