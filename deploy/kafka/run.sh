#!/usr/bin/env bash
# Run one Apache Kafka node (KRaft, broker and controller in one process) in the foreground.
#
#   run.sh --data DIR [--port 9092] [--controller-port 9093] [--host 127.0.0.1]
#
# The first start formats DIR; later starts keep its data. SIGTERM stops the broker cleanly.
# The heap is small on purpose; KAFKA_HEAP_OPTS replaces it, KAFKA_OPTS adds JVM options.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fail() {
  printf 'run.sh: %s\n' "$*" >&2
  exit 2
}

data=''
host=127.0.0.1
port=9092
controller_port=9093
while (($#)); do
  (($# >= 2)) || fail "'$1' needs a value; usage: run.sh --data DIR [--port N] [--controller-port N] [--host ADDRESS]"
  case $1 in
    --data) data=$2 ;;
    --port) port=$2 ;;
    --controller-port) controller_port=$2 ;;
    --host) host=$2 ;;
    *) fail "unknown argument '$1'; usage: run.sh --data DIR [--port N] [--controller-port N] [--host ADDRESS]" ;;
  esac
  shift 2
done
[[ -n $data ]] || fail '--data DIR is missing: the folder that holds the log'
command -v java >/dev/null || fail 'java is not on PATH; install a JDK or JRE, version 17 or later'

jars=$("$here/fetch.sh")
mkdir -p "$data"
data=$(cd "$data" && pwd)

properties=$data/server.properties
{
  cat "$here/server.properties"
  printf 'listeners=PLAINTEXT://%s:%s,CONTROLLER://127.0.0.1:%s\n' "$host" "$port" "$controller_port"
  printf 'advertised.listeners=PLAINTEXT://%s:%s,CONTROLLER://127.0.0.1:%s\n' "$host" "$port" "$controller_port"
  printf 'controller.quorum.voters=1@127.0.0.1:%s\n' "$controller_port"
  printf 'log.dirs=%s\n' "$data/log"
} >"$properties"

# The C1 compiler alone halves the processor time of so short a life.
short_lived=(-Xshare:auto -XX:TieredStopAtLevel=1 -XX:+UseSerialGC)

if [[ ! -e $data/log/meta.properties ]]; then
  cluster_id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=')
  # Kafka reads a leading dash as an option.
  java "${short_lived[@]}" -Xmx256m -cp "$jars/*" "-Dlog4j2.configurationFile=$here/log4j2.properties" \
    kafka.tools.StorageTool format --config "$properties" --cluster-id "${cluster_id/#-/A}" >&2
fi

# exec: the caller's process id is then the broker's, so its signals need no forwarding.
# shellcheck disable=SC2086  # both variables hold several options
exec java ${KAFKA_HEAP_OPTS:--Xms256m -Xmx768m} -XX:+ExitOnOutOfMemoryError ${KAFKA_OPTS-} \
  -cp "$jars/*" "-Dlog4j2.configurationFile=$here/log4j2.properties" \
  kafka.Kafka "$properties"
