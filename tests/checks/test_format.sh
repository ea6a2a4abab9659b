#!/usr/bin/env bash
# The sources are laid out as clang-format 14 does (Debian 12's; other versions differ in details).
set -u
if ! command -v clang-format >/dev/null; then
    [ "${CI-}" = true ] && echo "clang-format is missing (tools/setup.sh --dev)" && exit 1
    echo "SKIPPED: clang-format is not installed (tools/setup.sh --dev)"
    exit 77
fi
case "$(clang-format --version)" in
*"version 14."*) ;;
*)
    echo "SKIPPED: wants version 14, found $(clang-format --version)"
    exit 77
    ;;
esac
exec bash "$RECRYST_SOURCE/tools/format.sh" --check
