#!/usr/bin/env bash
# The Python package's own tests, on the library of this build: with RECRYST_VENV's python, else Debian's python3 where
# numpy and pytest are there (python3-numpy python3-pytest).  And mypy, where it is there.
set -u
python=${RECRYST_VENV:+$RECRYST_VENV/bin/python}
python=${python:-python3}
for module in numpy pytest; do
    "$python" -c "import $module" 2>/dev/null && continue
    [ "${CI-}" = true ] && echo "$python has no $module (tools/setup.sh --dev)" && exit 1
    echo "SKIPPED: $python has no $module (RECRYST_VENV names an environment that has them)"
    exit 77
done
if ldd "$RECRYST_BUILD/librecryst.so" | grep -qE 'lib(asan|ubsan)'; then
    echo "SKIPPED: Python does not load a library with sanitizers"
    exit 77
fi
export RECRYST_LIBRARY=$RECRYST_BUILD/librecryst.so PYTHONPATH=$RECRYST_SOURCE/python PYTHONDONTWRITEBYTECODE=1
cd "$(mktemp -d)" || exit 1
"$python" -m pytest -q -p no:cacheprovider -c "$RECRYST_SOURCE/pyproject.toml" "$RECRYST_SOURCE/python/tests" || exit 1
if "$python" -c "import mypy" 2>/dev/null; then
    cd "$RECRYST_SOURCE" && "$python" -m mypy --no-error-summary --cache-dir=/dev/null
fi
