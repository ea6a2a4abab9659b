#!/usr/bin/env bash
# Thousands of files of which a tenth are bad (make torture: a hundred thousand).
set -eu
. "$RECRYST_SOURCE/tests/torture/support.sh"
exec python3 "$RECRYST_SOURCE/tests/torture/large.py" "${RECRYST_LARGE:-2000}"
