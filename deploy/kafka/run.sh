#!/usr/bin/env bash
# Run one Apache Kafka node (KRaft, broker and controller in one process) in the foreground.
#
#   run.sh --data DIR [--port 9092] [--controller-port 9093] [--host 127.0.0.1]
#
# The first start formats DIR; later starts keep its data. SIGTERM stops the broker cleanly.
# KAFKA_HEAP_OPTS and KAFKA_OPTS are read by node.sh.
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

exec "$here/node.sh" "$jars" "$properties"
