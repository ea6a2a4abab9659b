#!/usr/bin/env bash
# The figures on the cards of the shipped models, found again by predicting the held-out rows.
set -eu
if [ ! -f "$RECRYST_SHARED/data/mp-elastic.tar.zst" ]; then
    echo "SKIPPED: the data that the models were trained on are not there ($RECRYST_SHARED/data)"
    exit 77
fi
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    [ "${CI-}" = true ] && echo "python3, 3.11 or later, is missing (tools/setup.sh --dev)" && exit 1
    echo "SKIPPED: no python3 of 3.11 or later"
    exit 77
fi
if grep -q '^RECRYST_SANITIZE:.*=..*' "$RECRYST_BUILD/CMakeCache.txt"; then
    echo "SKIPPED: with sanitizers"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export RUNS=$work DATA=$RECRYST_SHARED/data
cd "$RECRYST_SOURCE"
set --
for model in models/*.safetensors; do
    name=$(basename "$model" .safetensors)
    # 33,000 crystals: with the long tests
    if [ "$name" = formation-energy ] && [ "${RECRYST_FULL-}" != 1 ]; then continue; fi
    set -- "$@" "$name"
done
PYTHONDONTWRITEBYTECODE=1 python3 models/check.py "$@"
# A card with another figure is noticed.
cp -r models "$work/copy"
sed -i 's/^| RMSE | [0-9]*\(.*\)$/| RMSE | 9\1/' "$work/copy/bulk-modulus.md"
if PYTHONDONTWRITEBYTECODE=1 RECRYST=$RECRYST python3 "$work/copy/check.py" bulk-modulus >"$work/out" 2>&1; then
    echo "FAILED: a wrong figure is not noticed" >&2
    exit 1
fi
grep -q "WRONG bulk-modulus: RMSE" "$work/out" || { cat "$work/out"; exit 1; }
