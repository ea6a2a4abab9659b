#!/usr/bin/env bash
# The shipped models: a recipe, a card and held-out ids for each; they load, and say of crystals what is known of these.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
export RECRYST_MODELS=$RECRYST_SOURCE/models
n=0
for model in "$RECRYST_MODELS"/*.safetensors; do
    name=$(basename "$model" .safetensors)
    for ending in toml md test.txt; do [ -s "$RECRYST_MODELS/$name.$ending" ] || fail "models/$name.$ending is absent"; done
    [ "$(wc -c <"$model")" -lt 1500000 ] || fail "$name.safetensors is large"
    grep -qF "recryst predict $name " "$RECRYST_MODELS/$name.md" || fail "the card of $name speaks of another model"
    grep -qF "CC BY 4.0" "$RECRYST_MODELS/$name.md" || fail "the card of $name has no licence"
    held_out=$(grep -oE '[0-9,]+ held out' "$RECRYST_MODELS/$name.md" | tr -dc 0-9)
    same "$(sort -u "$RECRYST_MODELS/$name.test.txt" | wc -l)" "$held_out" "held-out ids of $name"
    run 0 info "$name"
    for text in "licence " "CC BY 4.0" "attribution " "date " "domain "; do out_has "$text"; done
    if head -c 8000 "$model" | grep -qaE '":"/'; then fail "$name holds a path"; fi
    run 0 models
    # Its score, five networks, intervals but of classes, and the date of its making.
    grep -qE "^$name .*(MAE [0-9.]+ +5 +yes|AUC 0\.[0-9]+ +5 +no) +20[0-9-]{8}" "$work/out" || fail "what 'models' says of $name"
    score=$(grep "^$name " "$work/out" | grep -oE '(MAE|AUC) [0-9.]+' | head -1 | cut -c5-7)
    grep -qE "^\| (MAE|area under the ROC curve) \| $score" "$RECRYST_MODELS/$name.md" || fail "$name: another score than the card's"
    n=$((n + 1))
done
for card in "$RECRYST_MODELS"/*.test.txt; do
    [ -f "${card%.test.txt}.safetensors" ] || fail "$card has no model"
done
[ "$n" -ge 5 ] || fail "there are $n models"

# Every value of every model on the bundled crystals: a number in its unit, within its interval.
run 0 predict all "$data/examples" --format csv
awk -F, '
    NR == 1 { next }
    { rows++; seen[$2]++ }
    $5 !~ /^-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?$/ || $11 != "" { print; bad = 1 }
    $2 == "metal" { if ($5 < 0 || $5 > 1) { print; bad = 1 }; next }
    $4 == "" && $3 != "poisson_ratio" { print; bad = 1 }
    $8 == "" || $9 == "" || $8 + 0 > $5 + 0 || $9 + 0 < $5 + 0 || $7 + 0 <= 0 || $8 ~ /inf/ || $9 ~ /inf/ { print; bad = 1 }
    END { exit bad || rows == 0 }' "$work/out" || fail "'predict all' on the bundled crystals"
same "$(tail -n +2 "$work/out" | cut -d, -f2 | sort -u | wc -l)" "$n" "models in 'predict all'"

# What is known of some crystals.
structure() { # structure NAME A POSITIONS SPECIES...: of an fcc primitive cell
    printf '%s\n%s\n0 0.5 0.5\n0.5 0 0.5\n0.5 0.5 0\n%s\n%s\nDirect\n%b\n' "$1" "$2" "$4" "$5" "$3" >"$work/$1.vasp"
}
structure NaCl 5.69 '0 0 0\n0.5 0.5 0.5' 'Na Cl' '1 1'
structure diamond 3.57 '0 0 0\n0.25 0.25 0.25' C 2
structure MgO 4.25 '0 0 0\n0.5 0.5 0.5' 'Mg O' '1 1'
structure copper 3.62 '0 0 0' Cu 1
structure silicon 5.47 '0 0 0\n0.25 0.25 0.25' Si 2
run 0 predict all "$work/NaCl.vasp" "$work/MgO.vasp" "$work/diamond.vasp" "$work/copper.vasp" "$work/silicon.vasp" --format csv
between() { # between CRYSTAL PROPERTY LOW HIGH
    awk -F, -v id="$1" -v p="$2" -v a="$3" -v b="$4" '
        $1 == id && $3 == p { n++; if ($5 < a || $5 > b) { print id, p, $5, "not in", a, b; bad = 1 } }
        END { exit bad || n != 1 }' "$work/out" || fail "$1, $2"
}
between copper is_metal 0.8 1
between silicon is_metal 0 0.2
between MgO is_metal 0 0.2
between MgO bulk_modulus 130 190       # 155 GPa
between MgO shear_modulus 90 150       # 120 GPa
between diamond "last phdos peak" 1100 1400 # 1330 1/cm
between copper bulk_modulus 110 180    # 145 GPa
between copper poisson_ratio 0.28 0.42 # 0.35
between silicon bulk_modulus 70 115    # 83 GPa by the Materials Project
between silicon "last phdos peak" 400 600 # 515 1/cm
between NaCl band_gap 3.5 6.5 # PBE: 5.0 eV
if [ -f "$RECRYST_MODELS/formation-energy.safetensors" ]; then
    between NaCl formation_energy_per_atom -2.4 -1.8 # -2.11 eV/atom
    between copper formation_energy_per_atom -0.15 0.15
fi

# Installed, the command finds them by name.
cmake --install "$RECRYST_BUILD" --prefix "$work/installed" >"$work/out" 2>&1 || fail "cmake --install"
installed=$work/installed/bin/recryst
RECRYST_MODELS= "$installed" predict bulk-modulus "$work/NaCl.vasp" >"$work/out" 2>"$work/err" || fail "an installed model"
out_has "NaCl,"
same "$(find "$work/installed/share/recryst/models" -name '*.md' -not -name README.md | wc -l)" "$n" "installed cards"
echo "$n models"
