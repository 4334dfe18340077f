#!/usr/bin/env bash
# Build the image tensionwire/kafka:4.2.0 from the checked jars, without pulling anything.
#
#   build-image.sh                 the base is made here with debootstrap (as root, on Linux)
#   build-image.sh --base IMAGE    take IMAGE, which must hold bash, useradd and Java 17 or later
#
# DEBIAN_MIRROR names another mirror for debootstrap.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
image=tensionwire/kafka:4.2.0
base=tensionwire/java-base:bookworm-17

fail() {
  printf 'build-image.sh: %s\n' "$*" >&2
  exit 1
}

case ${1-} in
  '') made_here=yes ;;
  --base) made_here=no base=${2:?--base needs the name of an image} ;;
  *) fail "unknown argument '$1'; usage: build-image.sh [--base IMAGE]" ;;
esac

command -v docker >/dev/null || fail 'docker is not on PATH; install it (Debian: docker.io)'
docker version >/dev/null || fail 'no Docker engine answers; start one, or run with-docker.sh build-image.sh'
jars=$("$here/fetch.sh")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

make_base() {
  command -v debootstrap >/dev/null || fail 'debootstrap is not on PATH; install it, or name a base with --base'
  ((EUID == 0)) || fail 'debootstrap needs root; run as root, or name a base with --base'
  local root=$work/root
  debootstrap --variant=minbase --force-check-gpg \
    --include=openjdk-17-jre-headless bookworm "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$work/log" 2>&1 ||
    fail "debootstrap failed: $(tail -n 5 "$work/log")"
  # What only apt and human readers need.
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* \
    "$root"/usr/share/{doc,man,info,locale}
  tar -C "$root" --create . | docker import - "$base" >/dev/null
}

if [[ $made_here == yes ]] && ! docker image inspect "$base" >/dev/null 2>&1; then
  make_base
fi

context=$work/context
mkdir "$context"
cp -r "$jars" "$context/jars"
cp "$here"/{Dockerfile,node.sh,image-run.sh,server.properties,log4j2.properties} "$context"
# The build downloads nothing, and an engine without a bridge could not give it a network.
docker build --quiet --network=none --build-arg "BASE=$base" --tag "$image" "$context" >/dev/null
printf '%s\n' "$image"
