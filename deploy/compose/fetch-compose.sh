#!/usr/bin/env bash
# Print the command that is Docker Compose v2 here: "docker compose", or the path of one built from source.
#
# Where the plugin is missing, the pinned release is built with the Go toolchain: the module is checked against the
# sum below, and its own go.sum checks the rest. Built once, a minute and a half on two cores, into
# TENSIONWIRE_COMPOSE_CACHE (default ~/.cache/tensionwire/compose-VERSION). `--build` skips the plugin that is here.
#
# To have it as `docker compose`: ln -s "$(fetch-compose.sh --build)" ~/.docker/cli-plugins/docker-compose
set -euo pipefail

module=github.com/docker/compose/v2
version=v2.40.3
sum='h1:XeYkQu1svDtyfZPv5nTwFryQ25ZJMkIlc4pz9HalMPI='
cache=${TENSIONWIRE_COMPOSE_CACHE:-${HOME:?set HOME or TENSIONWIRE_COMPOSE_CACHE}/.cache/tensionwire/compose-$version}

fail() {
  printf 'fetch-compose.sh: %s\n' "$*" >&2
  exit 1
}

case ${1-} in
  '')
    # 1.x has neither `--wait` nor conditions on a finished service.
    if docker compose version --short 2>/dev/null | grep -qE '^v?([2-9]|[1-9][0-9])\.'; then
      printf 'docker compose\n'
      exit 0
    fi
    ;;
  --build) ;;
  *) fail "unknown argument '$1'; usage: fetch-compose.sh [--build]" ;;
esac

if [[ ! -x $cache/docker-compose ]]; then
  command -v go >/dev/null || fail 'Docker Compose v2 is missing and so is Go, which could build it; install the compose plugin'
  found=$(cd / && go mod download -json "$module@$version" | sed -n 's/^\t"\(Dir\|Sum\)": "\(.*\)",\{0,1\}$/\1=\2/p')
  grep -qxF "Sum=$sum" <<<"$found" || fail "$module@$version is not the pinned one ($found)"
  mkdir -p "$cache"
  # Beside the final name and renamed once built; go refuses `install NAME@VERSION` for a module with exclusions.
  work=$(mktemp -d "$cache/building.XXXXXX")
  trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
  cp -r "$(sed -n 's/^Dir=//p' <<<"$found")" "$work/source"
  (
    cd "$work/source"
    CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-buildvcs=false go build -mod=readonly -trimpath \
      -ldflags "-s -w -X $module/internal.Version=$version" -o "$work/docker-compose" ./cmd >&2
  ) || fail "Go could not build $module@$version (its messages are above)"
  mv "$work/docker-compose" "$cache/docker-compose"
fi
printf '%s\n' "$cache/docker-compose"
