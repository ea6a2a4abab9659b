#!/usr/bin/env bash
# A C test that lacks the reference data counts as skipped only where nothing fails: what tests/support/check.h makes of it.
set -eu
cc=${CC:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/x.c" <<'END'
#include "support/check.h"
static void lacks(void **state) {
    (void)state;
    REQUIRE_SHARED();
}
static void fails(void **state) {
    (void)state;
    assert_true(getenv("FAILS") == NULL);
    assert_true(check_worse(check_worse(0, 1), NAN) > 1e300 && check_worse(check_worse(0, NAN), 1) > 1e300);
}
int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(lacks), cmocka_unit_test(fails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
END
# shellcheck disable=SC2046
"$cc" -std=c17 -I "$RECRYST_SOURCE/tests" "$work/x.c" -o "$work/x" $(pkg-config --cflags --libs cmocka)
unset CI FAILS
export RECRYST_SHARED=$work/none
# expect CODE WHAT [NAME=VALUE...]
expect() {
    local want=$1 what=$2 got=0
    shift 2
    env "$@" "$work/x" >"$work/out" 2>&1 || got=$?
    [ "$got" -eq "$want" ] && return
    echo "$what: ended with $got, not $want"
    cat "$work/out"
    exit 1
}
expect 77 "without the data"
expect 1 "without the data, and a test fails" FAILS=1
expect 1 "without the data in CI" CI=true
mkdir "$work/none"
: >"$work/none/design.md"
expect 0 "with the data"
expect 1 "with the data, and a test fails" FAILS=1
grep -q 'SKIP_REGULAR_EXPRESSION' "$RECRYST_SOURCE/tests/CMakeLists.txt" && echo "an expression outranks the exit code" && exit 1
echo passed
