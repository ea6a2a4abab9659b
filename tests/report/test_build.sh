#!/usr/bin/env bash
# The page of `recryst report` as it is built: from any path, from a source tree that can't be written, with every licence.
set -eu
command -v node >/dev/null || {
    [ "${CI-}" = true ] && echo "node is missing (tools/setup.sh --report)" && exit 1
    echo "SKIPPED: no node (tools/setup.sh --report)"
    exit 77
}
[ -s "$RECRYST_BUILD/report-page.html" ] || {
    echo "SKIPPED: the page was not built: $(tail -n 1 "$RECRYST_BUILD/web/build.log" 2>/dev/null)"
    exit 77
}
work=$(mktemp -d)
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
fail() {
    echo "FAILED: $*"
    cat "$work"/*/build.log 2>/dev/null || true
    exit 1
}

# Each package that npm installs for more than the build stands in the page with its licence, by name and version.
node - "$RECRYST_SOURCE/web/package-lock.json" "$RECRYST_BUILD/report-page.html" "$RECRYST_BUILD/web" <<'END' || fail "a licence is not in the page"
const { readdirSync, readFileSync } = require("node:fs");
const [lock, page, web] = process.argv.slice(2).map((name, i) => (i < 2 ? readFileSync(name, "utf8") : name));
let missing = 0, seen = 0;
for (const [path, about] of Object.entries(JSON.parse(lock).packages)) {
  if (path === "" || about.dev) continue;
  const file = readdirSync(`${web}/${path}`).find((name) => /^(licen[cs]e|copying)/i.test(name));
  const text = readFileSync(`${web}/${path}/${file}`, "utf8").trim().replace(/&/g, "&amp;").replace(/</g, "&lt;");
  const at = page.indexOf(`${path.split("node_modules/").pop()} ${about.version} (`);
  if (at < 0 || !page.includes(text, at)) {
    console.log(`${path} ${about.version}`);
    missing++;
  }
  seen++;
}
process.exit(missing > 0 || seen < 2 ? 1 : 0);
END

# As another user than root, whom nothing is read-only for, where this is root.
other=""
if [ "$(id -u)" = 0 ]; then other=$(command -v setpriv || true); fi
[ -z "$other" ] || other="setpriv --reuid=65534 --regid=65534 --clear-groups"
# Where that one can run Node.js and read the build.
[ -z "$other" ] || { $other node --version >/dev/null && $other cmp -s "$RECRYST_BUILD/report-page.html" "$RECRYST_BUILD/report-page.html"; } 2>/dev/null || other=""
mkdir "$work/source ä" "$work/folder ö"
cp -R "$RECRYST_SOURCE/web/." "$work/source ä"
[ -z "$other" ] || chown -R 65534:65534 "$work"
ln -s "$RECRYST_BUILD/web/node_modules" "$work/folder ö/node_modules"
chmod -R a-w "$work/source ä"
for time in first second; do
    # shellcheck disable=SC2086
    CI=true $other bash "$work/source ä/build.sh" "$work/folder ö/page.html" "$work/folder ö" need >"$work/out" 2>&1 || fail "the $time build from a read-only tree in a path with a blank: $(cat "$work/out")"
    cmp "$RECRYST_BUILD/report-page.html" "$work/folder ö/page.html" || fail "another page is built there"
done
echo passed
