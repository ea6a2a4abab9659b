# For the shell tests of the command: source it after `set -eu`.  A temporary folder in $work; assertions that say where.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
data=$RECRYST_SOURCE/data/demo
export RECRYST_MODELS=

fail() {
    echo "FAILED: $*" >&2
    echo "--- standard output:" >&2
    head -30 "$work/out" >&2 || true
    echo "--- standard error:" >&2
    head -30 "$work/err" >&2 || true
    exit 1
}
# run EXPECTED_CODE ARGUMENTS...: the command's output in $work/out and $work/err.
run() {
    local want=$1 got=0
    shift
    "$RECRYST" "$@" >"$work/out" 2>"$work/err" </dev/null || got=$?
    [ "$got" -eq "$want" ] || fail "recryst $* ended with $got, not $want"
}
out_has() { grep -qF -- "$1" "$work/out" || fail "standard output lacks: $1"; }
err_has() { grep -qF -- "$1" "$work/err" || fail "standard error lacks: $1"; }
out_lacks() { ! grep -qF -- "$1" "$work/out" || fail "standard output has: $1"; }
err_lacks() { ! grep -qF -- "$1" "$work/err" || fail "standard error has: $1"; }
same() { [ "$1" = "$2" ] || fail "${3:-}: expected '$2', found '$1'"; }

# frames N FILE: the first N crystals of the demo data.
frames() {
    awk -v want="$1" 'left == 0 { if (++n > want) exit; left = $1 + 2 } { print; left-- }' "$data/alloys.extxyz" >"$2"
}
# A model trained in a second, in $work/run.
small_model() {
    frames 80 "$work/small.extxyz"
    run 0 train "$work/small.extxyz" --target formation_energy --unit eV/atom --epochs 2 --batch-size 16 \
        --atom-features 16 --hidden 16 --threads 2 --out "$work/run"
}

# Whether the command is built with a sanitizer: it is some ten times as slow then, and keeps memory of its own.
is_sanitized() { grep -q '^RECRYST_SANITIZE:.*=..*' "$RECRYST_BUILD/CMakeCache.txt"; }
