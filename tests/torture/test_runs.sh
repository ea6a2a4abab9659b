#!/usr/bin/env bash
# Commands that go on where they were stopped, disturbed in every way at a few places each (make torture: at all of them).
set -eu
. "$RECRYST_SOURCE/tests/torture/support.sh"
parts=${sanitized:+moments}
exec python3 "$RECRYST_SOURCE/tests/torture/torture.py" --parts "${parts:-fail,${memory}calls,power,moments}" \
    --jobs "train,train --ensemble,study,prepare,prepare --append,prepare database,predict --resume,fetch,fetch --overwrite"
