#!/usr/bin/env bash
# Files stay readable: a warning above 600 lines, an error above 660.
set -u
cd "$RECRYST_SOURCE" || exit 1
find include src tests bench tools python -type f \( -name '*.[ch]' -o -name '*.cpp' -o -name '*.sh' -o -name '*.py' \) -exec wc -l {} + |
    awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines, more than 600: split it"; if ($1 > 660) failed = 1 }
         END { exit failed }'
