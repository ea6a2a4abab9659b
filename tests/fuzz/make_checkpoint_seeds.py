"""Make the seeds of fuzz_checkpoint and fuzz_pickle: networks of one feature with weights of zero and one, saved by torch in
both of its formats, and the pickles within them.

usage: make_checkpoint_seeds.py CORPUS_FOLDER      (needs torch and numpy; the seeds are committed)
"""
import argparse
import collections
import io
import os
import pickle
import sys
import zipfile

import numpy as np
import torch


def network(shared, classes, depth=1, hidden_layers=1, dtype=torch.float32, counts=True):
    state = collections.OrderedDict()

    def linear(name, n_out, n_in):
        state[name + ".weight"], state[name + ".bias"] = torch.zeros(n_out, n_in, dtype=dtype), torch.zeros(n_out, dtype=dtype)

    def norm(name, n):
        for part, value in (("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1)):
            state[f"{name}.{part}"] = torch.full((n,), float(value), dtype=dtype)
        if counts:
            state[name + ".num_batches_tracked"] = torch.tensor(3)

    if shared:
        state["recurrent_alpha"] = torch.ones(depth)
    linear("embedding", 1, 92)
    for t in range(1 if shared else depth):
        linear("shared_conv.fc_full" if shared else f"convs.{t}.fc_full", 2, 43)
    for t in range(depth):
        norm(f"recurrent_bn1s.{t}" if shared else f"convs.{t}.bn1", 2)
        norm(f"recurrent_bn2s.{t}" if shared else f"convs.{t}.bn2", 1)
    if shared:
        state["recurrent_norm.weight"], state["recurrent_norm.bias"] = torch.ones(1), torch.zeros(1)
    linear("conv_to_fc", 1, 1)
    for i in range(hidden_layers - 1):
        linear(f"fcs.{i}", 1, 1)
    linear("fc_out", 2 if classes else 1, 1)
    return state


def save(path, **options):
    """One checkpoint; see the calls below."""
    args = {"task": "classification" if options.get("classes") else "regression", "data_options": ["d", "12", "8"],
            "lr_milestones": [100], "resume": "", "device": torch.device("cpu"), "train_size": None}
    value = {"epoch": 3, "state_dict": network(options.get("shared", False), options.get("classes", False),
                                               options.get("depth", 1), options.get("hidden_layers", 1),
                                               options.get("dtype", torch.float32),
                                               options.get("counts", True)),
             "best_mae_error": np.float64(0.5), "optimizer": {"state": {}, "param_groups": [{"lr": 0.01, "params": [0]}]},
             "normalizer": {"mean": torch.tensor(1.0), "std": torch.tensor(2.0)},
             "args": argparse.Namespace(**args) if options.get("namespace") else args}
    torch.save(value, path, pickle_protocol=options.get("protocol", 2),
               _use_new_zipfile_serialization=options.get("zip", False))


class Evil:
    def __reduce__(self):
        return os.system, ("true",)


def main():
    folder = sys.argv[1]
    checkpoints, pickles = os.path.join(folder, "checkpoint"), os.path.join(folder, "pickle")
    os.makedirs(checkpoints, exist_ok=True)
    os.makedirs(pickles, exist_ok=True)
    at = lambda name: os.path.join(checkpoints, name)
    save(at("cgcnn"))
    save(at("cgcnn-two-layers"), depth=2, hidden_layers=2, dtype=torch.float64)
    save(at("sr-cgcnn"), shared=True, namespace=True, protocol=4)
    save(at("classes-half"), classes=True, dtype=torch.float16)
    save(at("zip-cgcnn"), zip=True, dtype=torch.bfloat16)
    save(at("zip-sr-cgcnn"), zip=True, shared=True, namespace=True, protocol=5, counts=False)
    for name in ("zip-cgcnn", "zip-sr-cgcnn"):
        with zipfile.ZipFile(at(name)) as archive:
            pkl = [n for n in archive.namelist() if n.endswith("data.pkl")][0]
            with open(os.path.join(pickles, name), "wb") as file:
                file.write(archive.read(pkl))
    own = []
    own += [own, (own, {"self": own})]
    values = {"numbers": [0, 255, -1, 1 << 40, 1 << 90, 1.5, True, None], "own": own, "scalars": [np.float32(1), np.int64(-2), np.bool_(1)],
              "bytes": b"\x00\xff", "size": torch.Size([2, 3]), "ordered": collections.OrderedDict(a=1)}
    for protocol in (2, 3, 4, 5):
        with open(os.path.join(pickles, f"values-{protocol}"), "wb") as file:
            pickle.dump(values, file, protocol)
    with open(os.path.join(pickles, "evil"), "wb") as file:
        pickle.dump(Evil(), file, 4)


main()
