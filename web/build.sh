#!/usr/bin/env bash
# Builds the page that `recryst report` puts its data into, with Node.js 18 or later and npm.  The libraries come from npm's
# registry, as package-lock.json pins them, into the build folder.
# usage: web/build.sh OUT FOLDER [need]      Without `need`, what fails leaves an empty OUT and a warning: the rest of
# recryst does not depend on the page.
set -u
source=$(cd "$(dirname "$0")" && pwd)
out=$1
folder=$2
need=${3-}
log=$folder/build.log

fail() {
    : >"$out"
    # A registry may be out of reach; a bundle that can't be made is a fault of the sources, which CI is to see.
    if [ "$need" = need ] || [ "${CI-}$2" = truesources ]; then
        cat "$log" >&2
        exit 1
    fi
    echo "The page of recryst report is left out: $1 ($log says more). Everything else is built; make report tries again."
    exit 0
}

mkdir -p "$folder" || exit 1
: >"$log"
cd "$folder" || exit 1
# Copies of a source tree that is read-only are so, too, and can't be copied over.
copies="package.json package-lock.json .npmrc build.mjs src"
for name in $copies; do
    [ ! -e "$name" ] || chmod -R u+w "$name" || exit 1
    cp -Rf "$source/$name" . && chmod -R u+w "$name" || exit 1
done
if ! cmp -s package-lock.json node_modules/.installed-lock; then
    npm ci --prefer-offline --fetch-retries=1 --fetch-timeout=30000 >>"$log" 2>&1 </dev/null || fail "npm could not install its libraries" registry
    cp package-lock.json node_modules/.installed-lock
fi
node build.mjs "$out" >>"$log" 2>&1 </dev/null || fail "its bundle could not be made" sources
