#!/usr/bin/env bash
# recryst fetch against a server that speaks both APIs and fails on demand (server.py).
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
if ! command -v python3 >/dev/null; then
    [ "${CI-}" = true ] && echo "python3 is missing (tools/setup.sh --dev)" && exit 1
    echo "SKIPPED: python3, which the test's server wants, is not installed (tools/setup.sh --dev)"
    exit 77
fi
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY MP_API_ENDPOINT CURL_CA_BUNDLE SSL_CERT_FILE
export no_proxy='*'

servers=""
trap 'kill $servers 2>/dev/null; rm -rf "$work"' EXIT
# start NAME [OPTIONS]: a server; its port in $port, its log in $work/NAME.log.
start() {
    local name=$1
    shift
    : >"$work/$name.log"
    PYTHONDONTWRITEBYTECODE=1 python3 "$RECRYST_SOURCE/tests/fetch/server.py" "$work/$name.port" "$work/$name.log" "$@" &
    servers="$servers $!"
    for _ in $(seq 200); do [ -s "$work/$name.port" ] && break || sleep 0.05; done
    port=$(cat "$work/$name.port")
}
start main
base=http://127.0.0.1:$port
start other
other=$port
key=0123456789abcdefSECRETsecret4567
export MP_API_KEY=$key
quick="--retry-wait 0.01 --timeout 10"
property=formation_energy_per_atom

# mp CODE PLAN FOLDER OPTIONS...: a download from the server with this plan.
mp() {
    local code=$1 plan=$2 folder=$3
    shift 3
    # shellcheck disable=SC2086
    run "$code" fetch mp --endpoint "$base/$plan" --property $property --out "$work/$folder" $quick "$@"
}
optimade() {
    local code=$1 plan=$2 folder=$3
    shift 3
    # shellcheck disable=SC2086
    run "$code" fetch optimade "$base/$plan" --property _ex_gap --out "$work/$folder" $quick "$@"
}
requests() { grep -c "$1" "$work/main.log" || true; }
rows() { wc -l <"$work/$1/id_prop.csv"; }
# same_dataset A B: the same files, but for dates and the plan in provenance.json.
same_dataset() {
    diff -r -x provenance.json "$work/$1" "$work/$2" >"$work/diff" || {
        cat "$work/diff"
        fail "the datasets $1 and $2 differ"
    }
    for folder in "$1" "$2"; do
        sed -E '/"(started|finished)":/d; s|127.0.0.1:[0-9]+/[^/"]*|HOST|' "$work/$folder/provenance.json" >"$work/$folder.provenance"
    done
    diff "$work/$1.provenance" "$work/$2.provenance" || fail "the provenance of $1 and $2 differs"
}

# ---- use

run 0 fetch --help
run 0 fetch mp --list-properties
out_has "formation_energy_per_atom"
out_has "bulk_modulus.vrh                              GPa         bulk modulus, Voigt-Reuss-Hill"
run 2 fetch
err_has "'mp' or 'optimade URL' says where from"
run 2 fetch oqmd
err_has "not 'oqmd'"
run 2 fetch mp --out x
err_has "--property NAME says what to fetch"
run 2 fetch mp --property band_gap
err_has "--out DIR"
run 2 fetch mp --property band_gap,band_gap --out x
err_has "twice"
run 2 fetch mp extra --property band_gap --out x
run 2 fetch mp --property band_gap --out x --filter nelements=2
err_has "--filter is for 'fetch optimade' alone"
run 2 fetch optimade https://example.org --property a --out x --stable-only
err_has "an OPTIMADE database takes --filter"
run 2 fetch optimade ftp://example.org --property a --out x
err_has "no URL that begins with https"
run 2 fetch optimade https://me:secret@example.org --property a --out x
err_has "user name"
err_lacks secret@
run 2 fetch mp --property a --out x --min 2 --max 1
err_has "--min is above --max"
run 2 fetch mp --property a --out x --where 'nsites_max'
err_has "is not name=value"
run 2 fetch mp --property a --out x --endpoint http://example.org
err_has "an API key is not sent over http"
MP_API_KEY='' run 2 fetch mp --property a --out x
err_has "set MP_API_KEY"
MP_API_KEY=$'two\nlines' run 2 fetch mp --property a --out x
err_has "a character that no key has"
[ ! -e x ] || fail "a command that makes no sense made a folder"

# ---- the Materials Project

mp 0 ok plain --page-size 10
err_has "47 crystals"
err_has "5 of 52 rows can't be used"
same "$(rows plain)" 47 "rows of id_prop.csv"
same "$(head -2 "$work/plain/id_prop.csv" | tr '\n' ' ')" "mp-100,-1.5 mp-103,-1.4473684210526316 " "rows"
same "$(find "$work/plain" -name '*.cif' | wc -l)" 47 "crystals"
same "$(cat "$work/plain/errors.csv")" "row,id,reason
11,mp-133,it comes without a structure
12,mp-136,the cell has no volume (2.46519e-32 cubic angstrom)
13,mp-139,no value of formation_energy_per_atom
14,mp-142,site 2: this is no chemical element: 'Qq'
15,,it has no id" "errors.csv"
[ ! -e "$work/plain/.fetch" ] || fail "the pages are still there"
for word in '"database_version": "2025.09.25"' '"name": "CC BY 4.0"' '"unit": "eV/atom"' '"matched": 52' '"written": 47' \
    '"no id": 1' '"program": "recryst ' "$(sha256sum <"$work/plain/id_prop.csv" | cut -c-64)"; do
    grep -qF -- "$word" "$work/plain/provenance.json" || fail "provenance.json lacks $word"
done
# What the server's own numbers say of the crystal: rows of the matrix are 3.53, 3.53 + 1/3 and sqrt(0.01 + 3.53^2).
grep -qx '_cell_length_b 3.8633333333333333' "$work/plain/mp-109.cif" || fail "the cell of mp-109"
grep -qx 'As1 As 0.5 0.5 0.5004285714285714 1' "$work/plain/mp-109.cif" || fail "a site of mp-109"
# It is a dataset for this program and, with atom_init.json, for the reference programs.
run 0 info "$work/plain"
out_has 47
python3 - "$work/plain/atom_init.json" <<'END' || fail "atom_init.json"
import json, sys
table = json.load(open(sys.argv[1]))
assert sorted(map(int, table)) == list(range(1, 101))
assert all(len(row) == 92 and set(row) <= {0, 1} for row in table.values())
assert [i for i, x in enumerate(table["1"]) if x] != [i for i, x in enumerate(table["2"]) if x]
END
# A second call asks for nothing; another request is refused; --overwrite takes it.
before=$(wc -l <"$work/main.log")
mp 0 ok plain --page-size 10
err_has "has all of this request already"
same "$(wc -l <"$work/main.log")" "$before" "requests of a second call"
run 1 fetch mp --endpoint "$base/ok" --property band_gap --out "$work/plain"
err_has 'the folder holds another request: properties is ["formation_energy_per_atom"] there and ["band_gap"] here'
mp 1 ok plain --limit 3
err_has "limit is null there and 3 here"
cp -r "$work/plain" "$work/again"
touch "$work/again/mp-9999.cif"
run 0 fetch mp --endpoint "$base/ok" --property is_metal --out "$work/again" --overwrite
same "$(head -3 "$work/again/id_prop.csv" | tr '\n' ' ')" "mp-100,1 mp-103,0 mp-106,0 " "booleans"
[ ! -e "$work/again/mp-9999.cif" ] || fail "--overwrite left an old crystal"
mkdir "$work/mine"
echo "x,1" >"$work/mine/id_prop.csv"
mp 1 ok mine
err_has "a dataset (id_prop.csv) that recryst fetch did not write"
mp 0 ok mine --overwrite
same "$(rows mine)" 47 "rows over an old dataset"
rm "$work/mine/id_prop.csv" "$work/mine/provenance.json"
mp 1 ok mine
err_has "crystals (.cif) that recryst fetch did not write"
mp 0 ok mine --overwrite
# --overwrite removes nothing before the server has answered.
mp 1 403+t1 mine --overwrite
same "$(rows mine)" 47 "rows after a refused --overwrite"

# Filters: the server's and our own.
mp 0 ok stable --stable-only
same "$(rows stable)" 14 "stable"
mp 0 ok gnome --include-gnome
same "$(rows gnome)" 52 "with GNoME"
grep -qF "CC BY-NC 4.0" "$work/gnome/provenance.json" || fail "the licence of GNoME"
mp 0 ok range --min -1 --max 0.5
same "$(awk -F, '$2 < -1 || $2 > 0.5' "$work/range/id_prop.csv" | wc -l)" 0 "range"
same "$(rows range)" 21 "rows in the range"
run 0 fetch mp --endpoint "$base/ok" --property bulk_modulus.vrh --min 120 --out "$work/bulk"
same "$(head -1 "$work/bulk/id_prop.csv")" "mp-163,120.875" "bulk modulus"
grep -qF 'has_props=elasticity' "$work/main.log" || fail "has_props is not sent"
run 0 fetch mp --endpoint "$base/ok" --property band_gap,bulk_modulus.vrh,is_metal --out "$work/three" --elements Zr,C
same "$(head -2 "$work/three/id_prop.csv" | tr '\n' ' ')" \
    "id,band_gap,bulk_modulus.vrh,is_metal mp-115,0.5555555555555556,,0 " "three properties"
run 0 info "$work/three"
mp 0 ok seven --limit 7 --page-size 3
same "$(rows seven)" 7 "--limit"
mp 0 ok where --where 'nsites_max=40'
grep -q 'nsites_max=40' "$work/main.log" || fail "--where is not sent"
mp 1 ok wrong --where 'wibble=1'
err_has "HTTP status 400: Request contains query parameters which cannot be used: wibble"
[ ! -e "$work/wrong" ] || fail "a refused request leaves a folder"
mp 1 none nothing
err_has "nothing matches the query"
err_lacks "goes on from there"
[ ! -e "$work/nothing" ] || fail "a request that nothing matches leaves a folder"
run 1 fetch mp --endpoint "$base/ok" --property band_gab --out "$work/typo"
err_has "did you mean 'band_gap'?"
err_has "none of 52 rows can be used; errors.csv says why"
[ ! -e "$work/typo/id_prop.csv" ] || fail "a dataset without a row"
err_lacks "goes on from there"
same "$(ls -A "$work/typo")" errors.csv "what is left of a request of which no row can be used"
# Put right, it may go into the same folder, and is what it is elsewhere; the reasons of before are gone.
mp 0 ok typo --limit 7 --page-size 3
same_dataset seven typo
optimade 1 ok outside --min 1e6 --keep-pages
err_has "rows can be used; errors.csv says why"
err_lacks "goes on from there"
same "$(ls -A "$work/outside")" errors.csv "what is left of rows that all lie outside"

# Keys: from a file, from the command line (which then does not show it), refused ones.
printf '  %s\r\n' "$key" >"$work/key"
MP_API_KEY='' mp 0 ok keyfile --api-key-file "$work/key" --page-size 10
same_dataset plain keyfile
MP_API_KEY=wrong mp 0 ok keyoption --api-key "$key" --page-size 10
MP_API_KEY=wrong mp 1 ok keybad
err_has "the API key is refused (HTTP status 403: Invalid authentication credentials)"
mp 1 401 key401
err_has "HTTP status 401"
run 2 fetch mp --property band_gap --out "$work/x" --apikey=$key
err_has "unknown option '--apikey'"
for form in "--api-key $key" "--api-key=$key"; do
    # shellcheck disable=SC2086
    MP_API_KEY='' "$RECRYST" fetch mp --endpoint "$base/slow:2+$RANDOM" --property band_gap --out "$work/title" $form --quiet &
    pid=$!
    sleep 0.7
    tr '\0' ' ' <"/proc/$pid/cmdline" >"$work/title.txt" 2>/dev/null || true
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null || true
    rm -rf "$work/title"
    ! grep -q "$key" "$work/title.txt" || fail "the key is in the process's title"
done

# ---- faults

# Each of these strikes once for every page, and the result is that without faults.
n=0
for plan in 500:3 502 503 504 429:1 429date reset close half halfreset longlength cutjson garbage stall gzip slow:0.01 noheartbeat; do
    n=$((n + 1))
    # A stall is waited for; one page of it is enough.
    size=10 patience=10
    case $plan in 429*) size=1000 ;; stall) size=1000 patience=1 ;; esac
    mp 0 "$plan+n$n" "fault$n" --page-size $size --timeout $patience
    if [ "$plan" = noheartbeat ]; then
        grep -qF '"database_version": ""' "$work/fault$n/provenance.json" || fail "a version from nowhere"
        sed -i 's/"database_version": ""/"database_version": "2025.09.25"/' "$work/fault$n/provenance.json"
    fi
    same_dataset plain "fault$n"
done
# Retry-After is honoured, in seconds and as a date.
for plan in 429:2 429date; do
    since=$(date +%s%N)
    mp 0 "$plan+after" "after-$plan"
    [ $((($(date +%s%N) - since) / 1000000)) -ge 990 ] || fail "$plan: came back too early"
    err_has "HTTP status 429; try 2 of 9 in"
done
mp 1 429:7200 far
err_has "the server asks to come back in 120 minutes"
# What stays broken ends the download, after as many tries as asked for.
mp 1 always500+a broken --retries 2
err_has "HTTP status 500 after 3 tries: out of order"
same "$(requests always500+a/materials)" 3 "tries"
mp 1 400+b broken
same "$(requests 400+b/materials)" 1 "tries of a refused request"
mp 1 422+c broken
err_has "_limit: value is not a valid integer"
mp 1 alwaysgarbage+d broken --retries 1
err_has "the answer is not JSON"
err_has "(tried 2 times)"
mp 1 notlist+e broken --retries 0
err_has 'the answer has no list "data"'
mp 1 huge broken --timeout 200
err_has "larger than 256 MiB"
mp 1 bomb broken --timeout 200
err_has "larger than 256 MiB"
mp 1 empty broken --page-size 10
err_has "52 rows match, and gives none after 10"
[ -e "$work/broken/.fetch/page-000001.json" ] || fail "what was received is gone"
rm -r "$work/broken"
mp 1 repeat broken --page-size 10
err_has "nothing but rows of earlier pages"
rm -r "$work/broken"
mp 0 duplicates twice
same "$(rows twice)" 47 "rows without duplicates"
grep -q "the server has sent this id before" "$work/twice/errors.csv" || fail "duplicates are not named"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
run 1 fetch mp --endpoint "http://127.0.0.1:$port" --property band_gap --out "$work/broken" --retries 1 --retry-wait 0.01
err_has "(tried 2 times)"
[ ! -e "$work/broken" ] || fail "a server that is not there leaves a folder"

# Redirections: followed on the same host with the key, to another without it, never to files or in circles.
mp 1 redirect:$other redirected
grep -q "GET /ok/materials" "$work/other.log" || fail "the redirection is not followed"
! grep -q "$key" "$work/other.log" || fail "the key went to another host"
err_has "the API key is refused (HTTP status 401"
mp 1 redirectfile broken
err_has "redirects to where recryst does not go"
mp 1 loop broken
err_has "redirects more than 5 times"

# ---- going on after a break

for signal in KILL TERM INT; do
    # Page 6 comes to a standstill, once: that is where it is cut.
    plan=at:25+stall:100+$signal
    (
        # In the background of a script SIGINT is ignored, unless it is asked for.
        exec python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' \
            "$RECRYST" fetch mp --endpoint "$base/$plan" --property $property --page-size 5 --out "$work/cut-$signal"
    ) >"$work/out" 2>"$work/err" &
    pid=$!
    for _ in $(seq 1000); do grep -q "$plan.*_skip=25" "$work/main.log" && break || sleep 0.02; done
    kill -$signal $pid
    code=0
    wait $pid 2>/dev/null || code=$?
    if [ $signal != KILL ]; then
        same $code 3 "exit code after SIG$signal"
        err_has "the same command goes on from there"
    fi
    [ -e "$work/cut-$signal/.fetch/page-000005.json" ] && [ ! -e "$work/cut-$signal/id_prop.csv" ] || fail "not cut in the middle"
    mp 1 "$plan" "cut-$signal" --limit 5
    err_has "the folder has begun another request: limit is null there and 5 here"
    mp 1 "$plan+other" "cut-$signal" --page-size 5
    err_has "the folder has begun another request: url"
    before=$(wc -l <"$work/main.log")
    mp 0 "$plan" "cut-$signal" --page-size 5
    err_has "going on with what was there"
    same $(($(wc -l <"$work/main.log") - before)) 7 "requests for the other 6 pages of 11, and for the version"
    same_dataset plain "cut-$signal"
done
# A damaged page and those after it are asked for again; a page of another size is no hindrance.
mp 1 from:25+400+dam damaged --page-size 5
printf '{"data": [' >"$work/damaged/.fetch/page-000003.json"
sed -i "s|from:25+400+dam|ok|" "$work/damaged/.fetch/query.json"
mp 0 ok damaged --page-size 9
same_dataset plain damaged
# A download that began with --overwrite goes on without it, as it says where there is something to go on from.
mp 0 ok over --limit 3
mp 1 from:25+400+over over --page-size 5 --overwrite
err_has "the same command without --overwrite goes on from there"
err_lacks "the same command goes on"
mp 1 403+over over --overwrite
err_lacks "goes on from there"
sed -i "s|from:25+400+over|ok|" "$work/over/.fetch/query.json"
mp 0 ok over --page-size 5
err_has "going on with what was there"
same_dataset plain over
# Every bit of a number belongs to the request; one that people write stays as they write it.
mp 1 from:3+400+bits bits --page-size 3 --min -0.30000000000000004 --max 0.1
sed -i "s|from:3+400+bits|ok|" "$work/bits/.fetch/query.json"
mp 1 ok bits --page-size 3 --min -0.3 --max 0.1
err_has "the folder has begun another request"
mp 0 ok bits --page-size 3 --min -0.30000000000000004 --max 0.1
err_has "going on with what was there"
mp 0 ok bits --page-size 3 --min -0.30000000000000004 --max 0.1
err_has "has all of this request already"
mp 1 from:3+400+tenth tenth --page-size 3 --min 0.1
grep -q '"min": 0.1,' "$work/tenth/.fetch/query.json" || fail "0.1 is not written as 0.1"
# The database has moved on since.
mp 1 from:25+400+ver moved --page-size 5
sed -i 's|2025.09.25|2024.01.01|' "$work/moved/.fetch/query.json"
mp 1 from:25+400+ver moved --page-size 5
err_has "gone from version 2024.01.01 to 2025.09.25 since this download began; --overwrite starts again"
# Two at once.
"$RECRYST" fetch mp --endpoint "$base/slow:3+lock" --property $property --out "$work/locked" --quiet &
pid=$!
for _ in $(seq 100); do [ -e "$work/locked/.fetch/.lock" ] && break || sleep 0.02; done
sleep 0.1
mp 2 slow:3+lock locked
err_has "another process works on this download"
kill -9 $pid
wait $pid 2>/dev/null || true
# Pages that are kept are the server's answers.
mp 0 ok kept --page-size 20 --keep-pages
same "$(find "$work/kept/.fetch" -name 'page-*' | wc -l)" 3 "pages kept"
python3 -c 'import json, sys; assert len(json.load(open(sys.argv[1]))["data"]) == 20' "$work/kept/.fetch/page-000002.json"
# The disk is full, or not ours.
mkdir "$work/full"
touch "$work/full/file"
run 1 fetch mp --endpoint "$base/ok" --property band_gap --out "$work/full/file" $quick
err_has "full/file"

# ---- OPTIMADE

optimade 0 odd odd --page-size 10
same "$(rows odd)" 57 "OPTIMADE rows"
for file in '%2E.%2F..%2Fevil' 'a%2Fb%20c' '%2Ehidden' named; do
    [ -e "$work/odd/$file.cif" ] || fail "OPTIMADE: no $file"
done
grep -q '^Ti1 Ti ' "$work/odd/named.cif" || fail "a species is told by its symbols, not by its name"
[ ! -e "$work/evil.cif" ] || fail "an id left the folder"
for reason in '4,slab,' '5,text,_ex_gap is not a number' 'the id is too long' '8,,it has no id'; do
    grep -qF "$reason" "$work/odd/errors.csv" || fail "OPTIMADE errors.csv lacks $reason"
done
for word in '"unit": "eV"' 'https://example.org/licence' 'CC-BY-4.0' '"name": "Example"' '"matched": 66'; do
    grep -qF "$word" "$work/odd/provenance.json" || fail "OPTIMADE provenance.json lacks $word"
done
# The same crystals as the other API's, from Cartesian positions.
optimade 0 ok opt
for id in mp-100 mp-109 mp-268; do
    python3 - "$work/plain/$id.cif" "$work/opt/$id.cif" <<'END' || fail "OPTIMADE and Materials Project give another $id"
import sys
def numbers(path):
    return [float(w) for line in open(path) for w in line.split() if w.replace(".", "").replace("e-", "").lstrip("-").isdigit()]
a, b = map(numbers, sys.argv[1:])
assert len(a) == len(b) > 10 and all(abs(x - y) < 1e-12 for x, y in zip(a, b))
END
done
# Every way to give a link, a base URL, a page size; faults on the way.
n=0
for plan in object relative nulllink limit403 delay gzip half unversioned offered; do
    n=$((n + 1))
    optimade 0 "$plan+o$n" "opt$n" --page-size 10
    diff -r -x provenance.json "$work/opt" "$work/opt$n" >/dev/null || fail "OPTIMADE with $plan differs"
done
for url in ok/v1 ok/v1/ ok/v1/structures ok/; do
    rm -rf "$work/url"
    run 0 fetch optimade "$base/$url" --property _ex_gap --out "$work/url"
    diff -r -x provenance.json "$work/opt" "$work/url" >/dev/null || fail "OPTIMADE at $url differs"
done
optimade 0 ok filtered --filter 'elements HAS "Zr"' --max 3
same "$(grep -L Zr "$work"/filtered/*.cif | wc -l)" 0 "the filter"
run 0 fetch optimade "$base/ok" --property _ex_deep.gga_gga+u.energy.per.atom,_ex_metal --out "$work/deep" --limit 2
same "$(cat "$work/deep/id_prop.csv" | tr '\n' ' ')" \
    "id,_ex_deep.gga_gga+u.energy.per.atom,_ex_metal mp-100,-1.5,1 mp-103,-1.4473684210526316,0 " "nested properties"
run 0 fetch optimade "$base/ok" --out "$work/bare" --limit 5
[ ! -e "$work/bare/id_prop.csv" ] || fail "targets of nothing"
same "$(find "$work/bare" -name '*.cif' | wc -l)" 5 "structures alone"
run 0 fetch optimade "$base/ok" --out "$work/bare" --limit 5
err_has "has all of this request already"
run 0 fetch optimade "$base/ok" --list-properties
out_has "_ex_gap                                  eV           band gap"
out_lacks "species"
# A dataset without properties is whole without an id_prop.csv, and no other request is mixed into it.
run 1 fetch optimade "$base/ok" --property _ex_gap --out "$work/bare"
err_has "the folder holds another request: properties is [] there and [\"_ex_gap\"] here"
run 1 fetch optimade "$base/ok" --filter 'elements HAS "Zr"' --property _ex_gap --out "$work/bare"
same "$(find "$work/bare" -name '*.cif' | wc -l)" 5 "structures that are left alone"
# One with properties is not, but what it is of is known.
optimade 0 ok lacking
rm "$work/lacking/id_prop.csv"
run 1 fetch optimade "$base/ok" --out "$work/lacking" --limit 5
err_has "the folder holds another request"
optimade 0 ok lacking
same_dataset opt lacking
optimade 1 index bad
err_has "an index of databases; give the URL of one of them: https://example.org/perovskites, https://example.org/alloys"
optimade 1 onlyv0 bad
err_has "serves OPTIMADE of version 0"
optimade 1 noapi+noversions bad
err_has "no OPTIMADE API is found"
optimade 1 errors bad
err_has "the server reports an error: Bad: the filter can't be parsed"
[ ! -e "$work/bad" ] || fail "OPTIMADE: a refused request leaves a folder"
for fault in "self:leads back to a page before" "endless:nothing but rows of earlier pages" \
    "nolink:there is more after 10 rows, but gives no link" "filelink:no URL that begins with https" \
    "emptypages:empty pages follow each other"; do
    rm -rf "$work/bad"
    optimade 1 "${fault%%:*}" bad --page-size 10
    err_has "${fault#*:}"
done
# Interrupted, and going on along the links.
rm -rf "$work/bad"
optimade 1 from:30+400+x bad --page-size 10
sed -i 's|from:30+400+x|ok|g' "$work"/bad/.fetch/*.json
optimade 0 ok bad --page-size 10
diff -r -x provenance.json "$work/opt" "$work/bad" >/dev/null || fail "OPTIMADE going on differs"

# ---- TLS: a certificate that nobody vouches for is refused, one that is trusted by --ca-file is taken.
if command -v openssl >/dev/null && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout "$work/tls.key" -out "$work/tls.crt" 2>/dev/null; then
    cat "$work/tls.key" "$work/tls.crt" >"$work/tls.pem"
    start tls --tls "$work/tls.pem"
    run 1 fetch mp --endpoint "https://localhost:$port/ok" --property band_gap --out "$work/tls" $quick
    err_has "certificate can't be verified"
    same "$(grep -c . "$work/tls.log" || true)" 0 "requests to a server that can't be trusted"
    run 1 fetch mp --endpoint "https://127.0.0.1:$port/ok" --property band_gap --out "$work/tls" $quick --ca-file "$work/tls.crt"
    err_has "certificate can't be verified"
    run 0 fetch mp --endpoint "https://localhost:$port/ok" --property band_gap --out "$work/tls" $quick --ca-file "$work/tls.crt"
    CURL_CA_BUNDLE=$work/tls.crt run 0 fetch optimade "https://localhost:$port/ok" --property _ex_gap --out "$work/tls2" $quick
else
    echo "no openssl: TLS is not tested here"
fi

# ---- the key is nowhere but in the requests to its own host
grep -q "$key" "$work/main.log" || fail "the key was never sent"
rm "$work"/*.log "$work/key"
! grep -rlF "$key" "$work" || fail "the key lies in a file"
