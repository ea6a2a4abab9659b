#!/usr/bin/env bash
# tools/demo.sh replaces a demo that it made itself, and nothing else: no study, no run of the user's own on the demo data.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
# A command that leaves what training leaves, and does no more.
cat >"$work/recryst" <<'END'
#!/usr/bin/env bash
for last; do [ "${before-}" != --out ] || out=$last && before=$last; done
case $1 in
train) mkdir "$out" && echo 'path = "data/demo/alloys.tar.zst"' >"$out/config.toml" ;;
predict) printf 'id,prediction\n' >"$out" ;;
esac
END
chmod +x "$work/recryst"
demo() { bash "$RECRYST_SOURCE/tools/demo.sh" "$work/recryst" "$1" >"$work/out" 2>"$work/err"; }
demo "$work/demo" || fail "the demo"
: >"$work/demo/of-before"
demo "$work/demo" || fail "the demo a second time"
[ ! -e "$work/demo/of-before" ] || fail "the second demo did not begin anew"
: >"$work/demo/study.csv"
! demo "$work/demo" || fail "a demo in place of a study"
err_has "is no run of the demo"
mkdir "$work/own"
echo 'path = "data/demo/alloys.tar.zst"' >"$work/own/config.toml"
! demo "$work/own" || fail "a demo in place of a run of the user's own"
[ -f "$work/own/config.toml" ] && [ -f "$work/demo/study.csv" ] || fail "something was removed"
grep -q '^out = "../runs/demo-study"' "$RECRYST_SOURCE/studies/demo.toml" || fail "the study and the demo share a folder"
echo passed
