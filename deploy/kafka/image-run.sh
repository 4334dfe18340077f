#!/usr/bin/env bash
# The image's entrypoint. It keeps to the public apache/kafka image: same path, and every variable
# KAFKA_A_B__C___D is the setting a.b_c-d, so that either image serves the same compose file.
set -euo pipefail

export LC_ALL=C
properties=/tmp/server.properties

{
  cat /opt/kafka/server.properties
  printf '%s\n' \
    'listeners=PLAINTEXT://0.0.0.0:9092,CONTROLLER://127.0.0.1:9093' \
    'advertised.listeners=PLAINTEXT://localhost:9092' \
    'controller.quorum.voters=1@127.0.0.1:9093' \
    'log.dirs=/var/lib/kafka/data'
  for variable in $(compgen -e KAFKA_); do
    case $variable in
      KAFKA_HEAP_OPTS | KAFKA_OPTS | KAFKA_LOG_LEVEL) continue ;;
    esac
    name=$(sed 's/^KAFKA_//; s/___/-/g; s/__/\n/g; s/_/./g; s/\n/_/g' <<<"$variable")
    printf '%s=%s\n' "${name,,}" "${!variable}"
  done
} >"$properties"

exec /opt/kafka/node.sh /opt/kafka/jars "$properties"
