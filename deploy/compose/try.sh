#!/usr/bin/env bash
# Try docker-compose.yml on this machine, from building its images to taking everything away again.
#
#   try.sh              with the engine that answers, else with one that this starts (as root) and stops
#
# The stack runs under a project name and on ports of its own, so it disturbs no other. Each step prints what it found
# and how long it took; the first that fails ends the run with exit code 1. TENSIONWIRE_DOCKER_ROOT=DIR with an empty
# DIR builds every image anew. Needs .venv (`make compose-test` makes it).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)

if [[ ${TENSIONWIRE_TRY_INSIDE-} != yes ]]; then
  [[ -x $top/.venv/bin/tensionwire ]] || {
    echo "try.sh: $top/.venv is missing; run 'make compose-test'" >&2
    exit 1
  }
  # An interrupt must reach the inner run, which cleans up, before the engine goes.
  TENSIONWIRE_TRY_INSIDE=yes exec "$top/deploy/kafka/with-docker.sh" "${BASH_SOURCE[0]}" "$@"
fi

python=$top/.venv/bin/python
project=tensionwire-try-$$
work=$(mktemp -d)
current=start
began=$SECONDS
compose=(false)

read -r kafka_port worker_1_port worker_2_port < <("$python" - <<'PY'
import socket
probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(probe.getsockname()[1] for probe in probes))
PY
)
export TENSIONWIRE_KAFKA_IMAGE=${TENSIONWIRE_KAFKA_IMAGE:-tensionwire/kafka:4.2.0}
export TENSIONWIRE_IMAGE=tensionwire/tensionwire:try
export TENSIONWIRE_KAFKA_PORT=$kafka_port TENSIONWIRE_WORKER_1_PORT=$worker_1_port TENSIONWIRE_WORKER_2_PORT=$worker_2_port
# Seconds for whatever has to happen by itself.
patience=240
partitions=4

say() { printf '    %s\n' "$*"; }

fail() {
  printf '    %s\n' "$*" >&2
  exit 1
}

step() {
  current=$1
  shift
  local since=$EPOCHREALTIME
  printf '%3ds  %s\n' $((SECONDS - began)) "$current"
  "$@"
  "$python" -c 'import sys; print(f"    done in {float(sys.argv[2]) - float(sys.argv[1]):.1f} s")' "$since" "$EPOCHREALTIME"
}

clean_up() {
  local status=$?
  trap - EXIT INT TERM
  if ((status)); then
    printf 'try.sh: failed at: %s (exit %d); the end of the logs:\n' "$current" "$status" >&2
    "${compose[@]}" ps --all >&2 || true
    "${compose[@]}" logs --no-color --tail 30 >&2 || true
  fi
  "${compose[@]}" --profile tools down --volumes --remove-orphans --timeout 20 >/dev/null 2>&1 || true
  docker image rm "$TENSIONWIRE_IMAGE" >/dev/null 2>&1 || true
  rm -rf "$work"
  exit "$((status ? 1 : 0))"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Until COMMAND succeeds; what it said last is shown if it never does.
await() {
  local what=$1 until=$((SECONDS + patience))
  shift
  until "$@" >"$work/await" 2>&1; do
    ((SECONDS < until)) || fail "not within $patience s: $what; last: $(tail -n 3 "$work/await")"
    sleep 0.5
  done
}

host_verb() { TENSIONWIRE_BOOTSTRAP=127.0.0.1:$kafka_port "$top/.venv/bin/tensionwire" "$@"; }
inside_verb() { "${compose[@]}" run --rm -T tensionwire "$@" 2> >(grep -vE 'Container|Network|IPv4 forwarding' >&2); }
# Of the JSON object `row` on standard input, the value of a Python expression.
field() { "$python" -c 'import json, sys; print(eval(sys.argv[1], {"row": json.load(sys.stdin)}))' "$1"; }
container() { "${compose[@]}" ps --all --quiet "$1"; }
page() { "$python" -c 'import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())' "http://127.0.0.1:$1/$2"; }
healthy() { [[ $(docker inspect --format '{{.State.Health.Status}}' "$(container "$1")") == healthy ]]; }
# The partitions of a stage that the worker on PORT holds, restored.
held() { page "$1" readyz | field 'sum(row["stages"]["aggregate"].values())'; }

find_compose() {
  read -ra compose <<<"$("$here/fetch-compose.sh")"
  compose+=(--project-name "$project" --project-directory "$top" --file "$top/docker-compose.yml")
  local said
  said=$("${compose[@]}" version)
  say "$said, by ${compose[0]}"
  said=$(docker version --format '{{.Server.Version}}')
  say "engine $said"
}

build_images() {
  "$here/build-images.sh" >"$work/build" 2>&1 || fail "$(tail -n 20 "$work/build")"
  local image
  for image in "$TENSIONWIRE_IMAGE" "$TENSIONWIRE_KAFKA_IMAGE"; do
    say "$image $(docker image inspect --format '{{.Size}}' "$image" | numfmt --to=si)B"
  done
}

bring_up() {
  "${compose[@]}" up --detach --wait --wait-timeout "$patience" >"$work/up" 2>&1 || fail "up --wait: $(tail -n 20 "$work/up")"
  say 'docker compose up --detach --wait: exit 0'
  "${compose[@]}" ps --all --format 'table {{.Service}}\t{{.Status}}\t{{.Ports}}' | sed 's/^/    /'
}

check_hardening() {
  local service status
  for service in kafka worker-1 worker-2; do
    status=$(docker exec "$(container "$service")" cat /proc/1/status)
    grep -qE '^Uid:\s+[1-9]' <<<"$status" || fail "$service runs as root"
    grep -qE '^CapBnd:\s+0+$' <<<"$status" || fail "$service may gain capabilities"
    grep -qE '^NoNewPrivs:\s+1' <<<"$status" || fail "$service may gain privileges"
    ! docker exec "$(container "$service")" sh -c ': >/probe' 2>/dev/null || fail "$service has a writable root"
    docker exec "$(container "$service")" sh -c ': >/tmp/probe' || fail "$service has no writable /tmp"
    say "$service: $(grep -E '^Uid' <<<"$status" | tr '\t' ' '), no capability, no new privileges, root read-only"
  done
}

check_ports() {
  local published
  # shellcheck disable=SC2016  # the dollars are the template's
  published=$("${compose[@]}" ps --quiet | xargs docker inspect \
    --format '{{range $port, $at := .NetworkSettings.Ports}}{{range $at}}{{.HostIp}}:{{.HostPort}} {{end}}{{end}}')
  say "published: $(xargs <<<"$published")"
  ! tr ' ' '\n' <<<"$published" | grep -vE '^(127\.0\.0\.1:[0-9]+)?$' || fail 'a port is published beyond loopback'
}

split_sample() {
  local sample
  for sample in examples/crisis-2018 streams/data/demo tests/data/syria-2018; do
    sample=$top/$sample/reports.ndjson
    [[ -f $sample ]] && break
  done
  [[ -f $sample ]] || fail 'no sample reports found'
  head -n -10 "$sample" >"$work/first"
  tail -n 10 "$sample" >"$work/later"
  say "${sample#"$top"/}: $(wc -l <"$sample") reports, the last ten held back"
}

feed_both_ways() {
  # Assigned first: a failure within the words of a command would go unseen.
  local said
  said=$(host_verb feed file "$work/first")
  say "from the host, port $kafka_port: $said"
  said=$(inside_verb feed file - <"$work/first")
  say "inside the network, again: $said"
  said=$(inside_verb topics diff)
  say "inside the network, topics diff: '$said' (silent: all as they must be)"
}

# Equal only when everything fed has been processed.
verify() {
  await 'live ledger equals fold' host_verb replay --verify
  host_verb replay --verify >"$work/verdict"
  say "replay --verify: $(sed 's/,"counts".*/}/' "$work/verdict")"
}

show_table() {
  if host_verb --help | grep -qE '^  watch '; then
    inside_verb watch --once | sed -n '1,16s/^/    /p'
  else
    cat "$work/first" "$work/later" | inside_verb fold --format table - | sed -n '1,16s/^/    /p'
  fi
}

kill_worker() {
  local said
  said=$(held "$worker_2_port")
  say "worker-2 holds $said of $partitions partitions of each stage"
  docker kill "$(container worker-1)" >/dev/null
  say 'worker-1 killed with SIGKILL, and left dead'
  # shellcheck disable=SC2317  # called by await
  all_held() { [[ $(held "$worker_2_port") == "$partitions" ]]; }
  await 'worker-2 holds all partitions' all_held
  say "worker-2 holds $partitions of $partitions, restored"
  said=$(host_verb feed file "$work/later")
  say "the other ten reports: $said"
  verify
}

bring_back() {
  "${compose[@]}" up --detach --wait --wait-timeout "$patience" >"$work/up" 2>&1 || fail "up --wait: $(tail -n 20 "$work/up")"
  local said
  said=$(held "$worker_1_port")
  say "docker compose up --detach --wait: exit 0; worker-1 holds $said of $partitions again"
}

crash_worker() {
  local id pid
  id=$(container worker-1)
  pid=$(docker inspect --format '{{.State.Pid}}' "$id")
  if ((EUID != 0)) || ! grep -qs tensionwire "/proc/$pid/cmdline"; then
    say 'left out: its process cannot be killed from here'
    return 0
  fi
  kill -KILL "$pid"
  # shellcheck disable=SC2317  # called by await
  restarted() { (($(docker inspect --format '{{.RestartCount}}' "$id") >= 1)) && healthy worker-1; }
  await 'worker-1 is restarted and healthy' restarted
  say "process $pid killed behind the engine's back: restarted by it, healthy"
}

replace_kafka() {
  local before after digest said
  digest=$(field 'row["live"]["digest"]' <"$work/verdict")
  before=$(container kafka)
  "${compose[@]}" restart kafka >/dev/null 2>&1
  await 'kafka is healthy' healthy kafka
  verify
  [[ $(field 'row["live"]["digest"]' <"$work/verdict") == "$digest" ]] || fail "the digest was $digest before the restart"
  say 'restarted: the digest is the one of before'
  "${compose[@]}" up --detach --wait --wait-timeout "$patience" --no-deps --force-recreate kafka >"$work/up" 2>&1 ||
    fail "up --force-recreate: $(tail -n 20 "$work/up")"
  after=$(container kafka)
  [[ $before != "$after" ]] || fail 'the container was not replaced'
  said=$(host_verb feed file "$work/first")
  say "again, after the sample was fed once more: $said"
  verify
  [[ $(field 'row["live"]["digest"]' <"$work/verdict") == "$digest" ]] || fail "the digest was $digest before"
  await 'worker-1 is healthy' healthy worker-1
  await 'worker-2 is healthy' healthy worker-2
  say "container ${before:0:12} replaced by ${after:0:12}: the same volume, the same digest, both workers healthy"
}

take_down() {
  "${compose[@]}" --profile tools down --volumes --timeout 60 >"$work/down" 2>&1 || fail "$(tail -n 20 "$work/down")"
  local left
  left=$(
    docker ps --all --quiet --filter "label=com.docker.compose.project=$project"
    docker volume ls --quiet --filter "label=com.docker.compose.project=$project"
    docker network ls --quiet --filter "label=com.docker.compose.project=$project"
  )
  [[ -z $left ]] || fail "left behind: $left"
  say 'no container, no volume, no network left'
}

step 'find Docker Compose' find_compose
step 'build the images' build_images
step 'bring all up and wait until healthy' bring_up
step 'nobody is root, nothing is writable but /tmp' check_hardening
step 'ports are published on loopback alone' check_ports
step 'take the sample reports' split_sample
step 'feed them' feed_both_ways
step 'wait until they are processed' verify
step 'show the table' show_table
step 'kill one worker: the other takes over' kill_worker
step 'bring the dead worker back' bring_back
step 'crash a worker: it is restarted' crash_worker
step 'restart Kafka, then replace its container: the data stay' replace_kafka
step 'take everything down' take_down
printf '%3ds  all steps passed\n' $((SECONDS - began))
