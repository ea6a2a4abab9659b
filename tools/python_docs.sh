#!/usr/bin/env bash
# Builds the pages of the Python package's interface (docs/api) in BUILD/python-docs; warnings are errors.
# usage: tools/python_docs.sh BUILD      RECRYST_VENV names an environment that has Sphinx, numpydoc and the PyData theme
set -eu
cd "$(dirname "$0")/.."
build=$(cd "${1:-build}" && pwd)
[ -e "$build/librecryst.so" ] || {
    echo "$build has no librecryst.so; make builds it" >&2
    exit 1
}
venv=${RECRYST_VENV:-$build/docs-venv}
if ! "$venv/bin/python" -c "import sphinx, numpydoc, pydata_sphinx_theme, numpy" 2>/dev/null; then
    if [ -n "${RECRYST_VENV-}" ]; then
        echo "$RECRYST_VENV lacks one of sphinx numpydoc pydata-sphinx-theme numpy" >&2
        exit 1
    fi
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check sphinx numpydoc pydata-sphinx-theme numpy
fi
RECRYST_LIBRARY=$build/librecryst.so PYTHONPATH=python PYTHONDONTWRITEBYTECODE=1 \
    "$venv/bin/python" -m sphinx -q -W --keep-going -n -E -d "$build/python-docs-cache" docs/api "$build/python-docs"
echo "$build/python-docs/index.html"
