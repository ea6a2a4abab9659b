#!/usr/bin/env bash
# A few seconds of the soak (make soak: SOAK_SECONDS of it).
set -eu
grep -q '^RECRYST_SANITIZE:.*=..*' "$RECRYST_BUILD/CMakeCache.txt" && {
    echo "SKIPPED: sanitizers hold freed memory back"
    exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$RECRYST_BUILD/tests/soak" "${SOAK_SECONDS:-8}" "$work"
