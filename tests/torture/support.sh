# For the shell tests of this folder: source it after `set -eu`.
if ! command -v python3 >/dev/null; then
    [ "${CI-}" = true ] && echo "python3 is missing (tools/setup.sh --dev)" && exit 1
    echo "SKIPPED: python3 is not installed (tools/setup.sh --dev)"
    exit 77
fi
export RECRYST_SHIM_LIBRARY=$RECRYST_BUILD/tests/torture_shim.so
# Where sanitizers are built in, nothing else is preloaded.
sanitized=
memory=memory,
# What counts lines allocates at the end from within the program, and crashes where it can't.
if grep -q '^RECRYST_COVERAGE:BOOL=ON' "$RECRYST_BUILD/CMakeCache.txt"; then memory=; fi
if grep -q '^RECRYST_SANITIZE:.*=..*' "$RECRYST_BUILD/CMakeCache.txt"; then sanitized=1; fi
