#!/usr/bin/env bash
# Lays out all C and C++ sources with clang-format (.clang-format at the root); with --check it only says what differs.
set -eu
cd "$(dirname "$0")/.."
command -v clang-format >/dev/null || {
    echo "clang-format is not installed (tools/setup.sh --dev)" >&2
    exit 77
}
mode=(-i)
[ "${1-}" = "--check" ] && mode=(--dry-run -Werror)
find include src tests bench \( -name '*.[ch]' -o -name '*.cpp' \) -print0 | sort -z | xargs -0 clang-format "${mode[@]}"
