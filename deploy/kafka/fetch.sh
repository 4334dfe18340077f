#!/usr/bin/env bash
# Fetch Apache Kafka's jars through Maven into a cache folder and check each against SHA256SUMS.
#
#   fetch.sh          fetch what is not there yet, check all, print the folder of jars
#   fetch.sh --pin    after a change of pom.xml: fetch anew and rewrite SHA256SUMS
#
# The cache folder is TENSIONWIRE_KAFKA_CACHE, by default ~/.cache/tensionwire/kafka-4.2.0.
# Exit codes: 0 ready; 1 cannot be fetched here; 2 wrong use; 3 a jar differs from its checksum.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${TENSIONWIRE_KAFKA_CACHE:-${HOME:?set HOME or TENSIONWIRE_KAFKA_CACHE}/.cache/tensionwire/kafka-4.2.0}
jars=$cache/jars
sums=$here/SHA256SUMS

fail() {
  local code=$1
  shift
  printf 'fetch.sh: %s\n' "$*" >&2
  exit "$code"
}

if command -v sha256sum >/dev/null; then
  sha256() { sha256sum "$@"; }
elif command -v shasum >/dev/null; then
  sha256() { shasum -a 256 "$@"; }
else
  fail 1 'neither sha256sum nor shasum is installed; install coreutils'
fi

checksums() (
  cd "$1"
  LC_ALL=C
  sha256 ./*.jar | sed 's|  \./|  |' | LC_ALL=C sort -k2
)

# One comparison finds a changed, a missing and an added jar: the class path takes every jar of the folder.
verify() {
  local difference
  difference=$(diff "$sums" <(checksums "$1")) && return 0
  printf '%s\n' "$difference" | sed -n 's/^< /  pinned  /p; s/^> /  found   /p' >&2
  return 1
}

download() {
  command -v mvn >/dev/null || fail 1 "mvn is not on PATH and $jars is not there; install Maven, or copy a cache folder from another machine"
  command -v java >/dev/null || fail 1 'java is not on PATH; install a JDK or JRE, version 17 or later'
  mvn --batch-mode --quiet --strict-checksums -Dstyle.color=never --file "$here/pom.xml" \
    "-Dkafka.jars=$1" dependency:copy-dependencies >&2 ||
    fail 1 'Maven could not fetch the jars (its messages are above); check the network or ~/.m2/settings.xml'
}

case ${1-} in
  '' | --pin) ;;
  *) fail 2 "unknown argument '$1'; usage: fetch.sh [--pin]" ;;
esac

if [[ ${1-} != --pin && -d $jars ]]; then
  verify "$jars" || fail 3 "the jars in $jars do not match $sums; remove that folder and run fetch.sh again"
  printf '%s\n' "$jars"
  exit 0
fi

mkdir -p "$cache"
# Fetched beside the final folder and renamed once checked: an interrupted or parallel run never leaves half a cache.
staging=$(mktemp -d "$cache/fetching.XXXXXX")
trap 'rm -rf "$staging"' EXIT
download "$staging/jars"

if [[ ${1-} == --pin ]]; then
  checksums "$staging/jars" >"$sums"
  rm -rf "$jars"
else
  verify "$staging/jars" || fail 3 "what Maven fetched does not match $sums; nothing was installed"
fi
mv "$staging/jars" "$jars" 2>/dev/null || [[ -d $jars ]] || fail 1 "cannot write $jars"
printf '%s\n' "$jars"
