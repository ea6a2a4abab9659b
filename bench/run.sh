#!/usr/bin/env bash
# `make bench`: the comparison with PyTorch and pymatgen, in a virtual environment of its own.
# usage: bench/run.sh BUILD [options of bench/compare.py]
# RECRYST_VENV: a virtual environment that has torch, numpy and pymatgen, instead of .venv
# pip looks where its own settings say (PIP_EXTRA_INDEX_URL for the CPU-only PyTorch, for example)
# RECRYST_SHARED: where data/mp-formation-energy.tar.zst lies (../shared); without it, the bundled demo data
set -eu
cd "$(dirname "$0")/.."
build=$1
shift
venv=${RECRYST_VENV:-.venv}
if [ ! -x "$venv/bin/python" ]; then
    echo "making a virtual environment in $venv with PyTorch, numpy and pymatgen: several GB, less where pip finds the CPU-only PyTorch"
    python3 -m venv "$venv" || {
        echo "bench: Python 3 with venv is needed (Debian: python3-venv), and g++ for torch.compile" >&2
        exit 1
    }
fi
"$venv/bin/python" -c 'import torch, numpy, pymatgen.core' 2>/dev/null || "$venv/bin/pip" install -q torch==2.13.0 numpy pymatgen
command -v g++ >/dev/null || {
    echo "bench: torch.compile needs g++ (tools/setup.sh --dev installs it)" >&2
    exit 1
}
data=${RECRYST_SHARED:-../shared}/data/mp-formation-energy.tar.zst
[ -f "$data" ] || {
    echo "bench: $data is not there; taking the bundled demo data, whose crystals are smaller" >&2
    data=data/demo/alloys.tar.zst
}
ninja -C "$build" recryst bench_step bench_kernels bench_probe
PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/python" bench/compare.py --build "$build" --data "$data" "$@"
