"""What the Python package costs above the C library, and from ase.Atoms to a prediction beside PyTorch.

    python bench/python_overhead.py [CRYSTALS] [--no-peer]

in an environment with recryst (or PYTHONPATH and RECRYST_LIBRARY); with ASE, pymatgen and torch it also times the peer:
pymatgen's neighbours, CGCNN's features, bench/torch_models.py's Plain network, batches of 256.  The C library's own time
is that of one call for all crystals, with everything that Python makes prepared before.
"""

import ctypes
import pathlib
import statistics
import sys
import tempfile
import time

import numpy as np

import recryst
from recryst import _lib

HERE = pathlib.Path(__file__).resolve().parent


def seconds(call, repeat=7):
    """The median, after one call that does not count."""
    call()
    times = []
    for _ in range(repeat):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def c_call(model, crystals):
    """The library's call for these crystals, with all its arguments ready."""
    n = len(crystals)
    pointers = (ctypes.c_void_p * n)(*[c._pointer for c in crystals])
    values = np.empty((n, model._n_values))
    status, error = (ctypes.c_int * n)(), _lib.rcr_error()
    session, address = model._ready(), values.ctypes.data
    # The array has to live as long as the call.
    return lambda _=values: _lib.lib.rcr_session_predict(
        address, status, session, pointers, n, None, ctypes.byref(error)
    )


def peer(model, atoms):
    """Atoms to values by ASE, pymatgen and PyTorch with the model's weights."""
    import torch
    from pymatgen.io.ase import AseAtomsAdaptor

    sys.path.insert(0, str(HERE))
    import torch_models
    from torch_peer import stored_name

    o = model.options
    network = torch_models.Plain(True, o["depth"], o["atom_features"], 41, o["hidden"])
    weights = model.to_torch_state_dict()
    state = network.state_dict()
    for name, value in state.items():
        state[name] = weights[stored_name(name, True)].reshape(value.shape)
    network.load_state_dict(state)
    network.eval()
    with tempfile.TemporaryDirectory() as folder:
        import json

        model.export(folder + "/atom_init.json")
        table = {int(k): v for k, v in json.load(open(folder + "/atom_init.json")).items()}
    vectors = torch.zeros(max(table) + 1, len(table[1]))
    for z, row in table.items():
        vectors[z] = torch.tensor(row)
    centre = np.arange(41) * 0.2

    def graph(one):
        structure = AseAtomsAdaptor.get_structure(one)
        near = [sorted(n, key=lambda x: x[1])[:12] for n in structure.get_all_neighbors(8.0, include_index=True)]
        return one.numbers, np.array([[x[2] for x in n] for n in near]), np.array([[x[1] for x in n] for n in near])

    def run():
        found = []
        with torch.no_grad():
            for first in range(0, len(atoms), 256):
                graphs = [graph(a) for a in atoms[first : first + 256]]
                starts = np.cumsum([0] + [len(g[0]) for g in graphs])
                distance = np.concatenate([g[2] for g in graphs])
                batch = {
                    "atom_features": vectors[torch.from_numpy(np.concatenate([g[0] for g in graphs]))],
                    "neighbors": torch.from_numpy(np.concatenate([g[1] + s for g, s in zip(graphs, starts)])),
                    "gaussians": torch.from_numpy(
                        np.exp(-((distance[..., None] - centre) ** 2) / 0.2**2).astype(np.float32)
                    ),
                    "crystals": [torch.arange(a, b) for a, b in zip(starts[:-1], starts[1:])],
                }
                found.append(network(batch).numpy())
        return np.concatenate(found)

    return run


def scale(model, crystals, normalised):
    """Mean and standard deviation that the model puts on its outputs, from two predictions that differ."""
    values = model.predict(crystals)
    std, mean = np.polyfit(normalised, values, 1)
    return mean, std


def main():
    arguments = [a for a in sys.argv[1:] if a != "--no-peer"]
    path = arguments[0] if arguments else str(HERE.parent / "data" / "demo" / "alloys.extxyz")
    crystals = list(recryst.read(path))[:2000]
    with tempfile.TemporaryDirectory() as folder:
        small = dict(epochs=2, train_size=300, val_size=100, test_size=100)
        if path.endswith("alloys.extxyz"):
            recryst.train(path, folder + "/run", target="formation_energy", **small)
            model = recryst.load(folder + "/run")
        else:
            regressor = recryst.Regressor(epochs=1).fit(crystals[:300], np.arange(300) % 7)
            model = regressor.model_
    n = len(crystals)
    sites = statistics.mean(len(c) for c in crystals)
    print(f"{n} crystals of {sites:.1f} sites, {model.threads} threads, {model.kernels}")
    with model._lock:
        batch_c, one_c = c_call(model, crystals), c_call(model, crystals[:1])
        c_time, c_one = seconds(batch_c), seconds(one_c, 2000)
    own = seconds(lambda: model.predict(crystals))
    one = seconds(lambda: model.predict_one(crystals[0]), 2000)
    array = seconds(lambda: model.predict(crystals[0]), 2000)
    print(
        f"a batch of crystals: C {c_time * 1e3:.2f} ms, Python {own * 1e3:.2f} ms, {100 * (own / c_time - 1):.1f} % above"
    )
    print(
        f"one crystal: C {c_one * 1e6:.1f} us, predict_one {1e6 * (one - c_one):.1f} us above, predict {1e6 * (array - c_one):.1f} us above"
    )
    try:
        atoms = [c.to_ase() for c in crystals]
    except ImportError:
        print("ASE is not here")
        return
    from_ase = seconds(lambda: model.predict(atoms))
    first = atoms[0]
    one_ase = seconds(lambda: model.predict_one(first), 2000)
    print(
        f"ase.Atoms: {from_ase * 1e3:.2f} ms for all, {from_ase / n * 1e6:.1f} us each; one alone {one_ase * 1e6:.1f} us"
    )
    if "--no-peer" in sys.argv:
        return
    try:
        run = peer(model, atoms)
    except ImportError as problem:
        print(f"no peer: {problem}")
        return
    begin = time.perf_counter()
    normalised = run()
    theirs = time.perf_counter() - begin
    mean, std = scale(model, crystals, normalised)
    off = np.abs(normalised * std + mean - model.predict(crystals)) / std
    print(f"the peer from ase.Atoms: {theirs:.2f} s, {theirs / from_ase:.0f} times as long; ", end="")
    print(
        f"values differ by {np.median(off):.1e} standard deviations in the median, where both cut the same neighbours"
    )


if __name__ == "__main__":
    main()
