#!/usr/bin/env bash
# recryst import: the command; what it reads is tested in tests/model.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"

run 2 import
err_has "no checkpoint given"
run 2 import a.pth.tar
err_has "no name for the model given"
run 1 import "$work/none.pth.tar" "$work/m.safetensors"
err_has "none.pth.tar: can't open"
printf 'hello, hello, hello, hello' >"$work/text.pth.tar"
run 1 import "$work/text.pth.tar" "$work/m.safetensors"
err_has "text.pth.tar: not a file of torch.save"
[ ! -e "$work/m.safetensors" ] || fail "a model of nothing"

# What a pickle would run is named and not run.
printf '\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}X\x0d\0\0\0little_endian\x88s.\x80\x02cposix\nsystem\nX\x0c\0\0\0touch %s\x85R.' \
    "$work/y" >"$work/evil.pth.tar"
run 1 import "$work/evil.pth.tar" "$work/m.safetensors"
err_has "evil.pth.tar: the file asks for posix.system, which no checkpoint of CGCNN needs"
[ ! -e "$work/y" ] || fail "it ran"

pretrained=$RECRYST_SHARED/reference/cgcnn-pretrained
[ -d "$pretrained" ] || { echo "SKIPPED: reference data (RECRYST_SHARED) are absent"; exit 77; }
run 0 import "$pretrained/band-gap.pth.tar" "$work/gap.safetensors" --target band_gap --unit eV
out_has "cgcnn, 4 layers; 64 atom features, 1 hidden layer of 32"
out_has "band_gap in eV"
out_has "imported_from          band-gap.pth.tar"
run 0 predict "$work/gap.safetensors" "$data/examples/Pt4-dhcp.cif"
err_has "band_gap (eV)"
run 1 import "$pretrained/band-gap.pth.tar" "$work/x.safetensors" --radius 6
err_has "take 41 distance features, but radius 6, dmin 0 and step 0.2 make 31"
printf '{"1": [1, 2], "2": [3, 4]}' >"$work/two.json"
run 1 import "$pretrained/band-gap.pth.tar" "$work/x.safetensors" --atom-init "$work/two.json"
err_has "takes 92 features of an element"
run 0 import "$pretrained/band-gap.pth.tar" "$work/same.safetensors" --atom-init "$RECRYST_SHARED/reference/atom_init.json" --quiet
same "$(cat "$work/out")" "" "quiet"
run 0 predict "$work/same.safetensors" "$data/examples/Pt4-dhcp.cif"
cp "$work/out" "$work/own"
run 0 predict "$work/gap.safetensors" "$data/examples/Pt4-dhcp.cif"
cmp -s "$work/out" "$work/own" || fail "the published table is not the one built in"
head -c 500000 "$pretrained/band-gap.pth.tar" >"$work/cut.pth.tar"
run 1 import "$work/cut.pth.tar" "$work/x.safetensors"
err_has "truncated"
[ ! -e "$work/x.safetensors" ] || fail "a model of a bad checkpoint"

# Options of the graph that the checkpoint does not have are those of the command line.
run 0 import "$pretrained/band-gap.pth.tar" "$work/x.safetensors" --disorder average --ties keep --padding none
out_has "averag"
