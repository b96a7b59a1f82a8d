#!/bin/sh
# The environment of the executors as one archive: an interpreter that may lie anywhere, and what requirements.lock names. No torch,
# no pyspark: EMR brings its own. The Dockerfile beside this runs it; by hand:
#   PYTHON=/opt/python/bin/python3.11 deploy/emr/build_environment.sh OUT     leaves OUT/environment-<hash>.tar.gz
set -eu
cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-python3.11}
say() { printf 'environment: %s\n' "$*"; }
fail() { printf 'environment: error: %s\n' "$*" >&2; exit 1; }

[ $# -eq 1 ] || fail "wanted one folder to write to, got $# arguments"
prefix=$("$PYTHON" -c 'import sys; print(sys.base_prefix)') || fail "$PYTHON does not run; wanted PYTHON=/path/of/python3.11"
seen=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
[ "$seen" = 3.11 ] || fail "$PYTHON is Python $seen; wanted 3.11, which the lock file is of"
[ "$("$PYTHON" -c 'import sys; print(sys.prefix)')" = "$prefix" ] || fail "$PYTHON is of a virtual environment, whose interpreter \
lies elsewhere; wanted the interpreter itself"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/environment
site=$tree/lib/python3.11/site-packages

mkdir -p "$tree/bin" "$site"
cp "$prefix/bin/python3.11" "$tree/bin/"
ln -s python3.11 "$tree/bin/python3"
ln -s python3.11 "$tree/bin/python"
for library in "$prefix"/lib/libpython3.11.so*; do [ ! -e "$library" ] || cp -P "$library" "$tree/lib/"; done
tar -C "$prefix/lib/python3.11" -cf - --exclude=./site-packages --exclude=./test --exclude=./idlelib --exclude=./tkinter \
    --exclude=./turtledemo --exclude=./lib2to3 --exclude=./ensurepip --exclude='./config-3.11*' --exclude=__pycache__ . |
    tar -C "$tree/lib/python3.11" -xf -
"$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --only-binary :all: --require-hashes \
    --target "$site" -r deploy/emr/requirements.lock
rm -rf "$site/bin"

# The same inputs give the same bytes: the name is the hash of what is in it.
archive=$work/environment.tar.gz
tar -C "$tree" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - . | gzip -n >"$archive"
mkdir "$work/elsewhere" && tar -C "$work/elsewhere" -xzf "$archive" && rm -rf "$tree"
env -i PATH=/usr/bin:/bin HOME="$work" PYTHONPATH="$PWD" NUMBA_CACHE_DIR="$work/kernels" \
    "$work/elsewhere/bin/python" deploy/emr/check_environment.py "$prefix" || fail "the archive does not run away from $prefix"
hash=$(sha256sum "$archive" | cut -c1-12)
mkdir -p "$1"
mv "$archive" "$1/environment-$hash.tar.gz"
say "$1/environment-$hash.tar.gz, $(wc -c <"$1/environment-$hash.tar.gz" | awk '{print int($1 / 1048576)}') MiB"
