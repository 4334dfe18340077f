#!/usr/bin/env bash
# Build the image tensionwire/tensionwire:VERSION where nothing can be pulled and a build has no network.
#
#   build-images.sh                 the base is made here with debootstrap (as root, on Linux)
#   build-images.sh --base IMAGE    take IMAGE, which must hold Python 3.11 or later with venv and pip
#
# The wheels are fetched on this host, by the hashes of requirements/, and go into the build context. PYTHON names
# the interpreter that fetches them (default: the first python3.X on PATH of the base's version, then python3).
# DEBIAN_MIRROR names another mirror for debootstrap, TENSIONWIRE_IMAGE another name for the image.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$top/pyproject.toml" | head -n 1)
image=${TENSIONWIRE_IMAGE:-tensionwire/tensionwire:$version}
base=tensionwire/python-base:bookworm-3.11
build_base=tensionwire/python-build:bookworm-3.11

fail() {
  printf 'build-images.sh: %s\n' "$*" >&2
  exit 1
}

case ${1-} in
  '') made_here=yes ;;
  --base) made_here=no base=${2:?--base needs the name of an image} build_base=$2 ;;
  *) fail "unknown argument '$1'; usage: build-images.sh [--base IMAGE]" ;;
esac

command -v docker >/dev/null || fail 'docker is not on PATH; install it (Debian: docker.io)'
docker version >/dev/null || fail 'no Docker engine answers; start one, or run deploy/kafka/with-docker.sh build-images.sh'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

make_bases() {
  command -v debootstrap >/dev/null || fail 'debootstrap is not on PATH; install it, or name a base with --base'
  ((EUID == 0)) || fail 'debootstrap needs root; run as root, or name a base with --base'
  local root=$work/root
  debootstrap --variant=minbase --force-check-gpg \
    --include=python3-minimal,libpython3-stdlib,python3-venv,ca-certificates,tzdata \
    bookworm "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$work/log" 2>&1 ||
    fail "debootstrap failed: $(tail -n 5 "$work/log")"
  # What only apt and human readers need.
  rm -rf "$root"/var/cache/{apt,debconf}/* "$root"/var/lib/apt/lists/* "$root"/var/log/* \
    "$root"/usr/share/{doc,man,info,locale}
  tar -C "$root" --create . | docker import - "$build_base" >/dev/null
  # What only making a virtual environment, or reading help, needs.
  rm -rf "$root"/usr/share/python-wheels "$root"/usr/lib/python3*/{ensurepip,lib2to3,pydoc_data}
  tar -C "$root" --create . | docker import - "$base" >/dev/null
}

if [[ $made_here == yes ]] && ! docker image inspect "$base" "$build_base" >/dev/null 2>&1; then
  make_bases
fi

# Wheels are for one version of Python, so the host's must be the base's.
wanted=$(docker run --rm --network none --entrypoint python3 "$build_base" \
  -c 'import sys; print("%d.%d" % sys.version_info[:2])')
find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} "python$wanted" "$top/.venv/bin/python" python3; do
    [[ $("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) == "$wanted" ]] || continue
    "$candidate" -m pip --version >/dev/null 2>&1 || continue
    printf '%s\n' "$candidate"
    return 0
  done
  fail "the base has Python $wanted and this host has none of that version with pip; set PYTHON to one"
}
python=$(find_python)

context=$work/context
mkdir "$context"
cp -r "$top"/{requirements,pyproject.toml,README.md,LICENSE,examples,streams,.dockerignore} "$context"
find "$context" -name __pycache__ -prune -exec rm -r {} +
awk '/^[a-z0-9]/ {wanted = /^setuptools==/} wanted' "$top/requirements/dev.txt" >"$work/setuptools.txt"
for list in "$top/requirements/runtime.txt" "$work/setuptools.txt"; do
  "$python" -m pip download --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
    --dest "$context/wheels" -r "$list" >&2 || fail "pip could not fetch the wheels of $list"
done

revision=$(git -C "$top" rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
docker build --quiet --network=none --file "$top/deploy/Dockerfile" \
  --build-arg "BASE=$base" --build-arg "BUILD_BASE=$build_base" \
  --build-arg PIP_NO_INDEX=1 --build-arg PIP_FIND_LINKS=/src/wheels \
  --build-arg "VERSION=$version" --build-arg "REVISION=$revision" \
  --tag "$image" "$context" >/dev/null
printf '%s\n' "$image"
