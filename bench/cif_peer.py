"""From CIF files to tensors as the published programs do it: pymatgen reads the file and finds the neighbors, numpy expands
the distances. One core.

    python cif_peer.py FOLDER    (FOLDER/elements.safetensors as bench_step wrote it)

Command on standard input: files LIST PASSES; answer: seconds of each pass over the files that LIST names.
"""
import sys
import time
import warnings

import numpy as np
import torch
from pymatgen.core.structure import Structure

import tensors

RADIUS, NEIGHBORS = 8.0, 12
CENTERS = np.arange(0, RADIUS + 0.2, 0.2)


def graph(path, elements):
    structure = Structure.from_file(path)
    atoms = torch.Tensor(np.vstack([elements[site.specie.number] for site in structure]))
    found = structure.get_all_neighbors(RADIUS, include_index=True)
    index, distance = [], []
    for neighbors in found:
        nearest = sorted(neighbors, key=lambda neighbor: neighbor[1])[:NEIGHBORS]
        missing = NEIGHBORS - len(nearest)
        index.append([neighbor[2] for neighbor in nearest] + [0] * missing)
        distance.append([neighbor[1] for neighbor in nearest] + [RADIUS + 1] * missing)
    expanded = np.exp(-((np.array(distance)[..., None] - CENTERS) ** 2) / 0.2**2)
    return atoms, torch.Tensor(expanded), torch.LongTensor(np.array(index))


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    elements = tensors.read(f"{sys.argv[1]}/elements.safetensors")["elements"]
    print("ready", flush=True)
    for line in sys.stdin:
        _, files, passes = line.split()
        with open(files, encoding="utf-8") as file:
            paths = file.read().split("\n")[:-1]
        times = []
        for _ in range(int(passes)):
            start = time.perf_counter()
            for path in paths:
                graph(path, elements)
            times.append(time.perf_counter() - start)
        print(" ".join(f"{t:.6e}" for t in times), flush=True)


if __name__ == "__main__":
    main()
