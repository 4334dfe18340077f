#!/usr/bin/env bash
# Become one Kafka node: format its folder at the first start, then run the broker in the foreground.
#
#   node.sh JARS PROPERTIES      called by run.sh and by the image's entrypoint
#
# The heap is small on purpose; KAFKA_HEAP_OPTS replaces it, KAFKA_OPTS adds JVM options.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
jars=$1
properties=$2
logging=-Dlog4j2.configurationFile=$here/log4j2.properties

# Later lines win in a properties file, so the last one counts here too.
log_dir=$(sed -n 's/^log\.dirs=//p' "$properties" | tail -n 1)

if [[ ! -e $log_dir/meta.properties ]]; then
  cluster_id=${CLUSTER_ID:-$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=')}
  # Too short a life to repay an optimising compiler or a concurrent collector.
  # Kafka takes a leading dash for an option.
  java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx256m -cp "$jars/*" "$logging" \
    kafka.tools.StorageTool format --config "$properties" --cluster-id "${cluster_id/#-/A}" >&2
fi

# exec: the caller's process id is then the broker's, so its signals need no forwarding.
# shellcheck disable=SC2086  # both variables hold several options
exec java ${KAFKA_HEAP_OPTS:--Xms256m -Xmx768m} -XX:+ExitOnOutOfMemoryError ${KAFKA_OPTS-} \
  -cp "$jars/*" "$logging" kafka.Kafka "$properties"
