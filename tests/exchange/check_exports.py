"""Load the checkpoints and ONNX graphs that test_export.c wrote, with torch, the reference programs' own classes (where
RECRYST_PROGRAMS names a folder that has them, as cgcnn/ and SR-CGCNN/) and onnxruntime, and compare predictions.

usage: check_exports.py FOLDER      (needs torch, onnx and onnxruntime)
"""
import importlib
import json
import os
import sys

import numpy as np
import onnx
import onnxruntime
import torch
from torch.nn import functional as fn

folder = sys.argv[1]
TOLERANCE = 1e-5  # of the target's standard deviation; of probabilities as they are


def read(name):
    with open(os.path.join(folder, name)) as file:
        return json.load(file)


def batch_of(graphs):
    """Graphs side by side: z, center, neighbor, distance, crystal."""
    parts, first = [], 0
    for number, g in enumerate(graphs):
        n, degree = len(g["z"]), np.diff(g["offset"])
        parts.append((np.array(g["z"], np.int64), np.repeat(np.arange(n, dtype=np.int64), degree) + first,
                      np.array(g["neighbor"], np.int64) + first, np.array(g["distance"]), np.full(n, number, np.int64)))
        first += n
    return [np.concatenate(column) for column in zip(*parts)]


def gaussians(distance):
    return np.exp(-((distance[:, None] - np.arange(41) * 0.2) / 0.2) ** 2)


def forward(state, args, table, batch):
    """The network from a state_dict, with what the papers say and nothing else."""
    z, center, neighbor, distance, crystal = map(torch.from_numpy, batch)
    s = {k: v.double() for k, v in state.items()}
    linear = lambda name, x: x @ s[name + ".weight"].T + s[name + ".bias"]
    norm = lambda name, x: ((x - s[name + ".running_mean"]) / torch.sqrt(s[name + ".running_var"] + 1e-5)
                            * s[name + ".weight"] + s[name + ".bias"])
    shared = args["conv_mode"] == "shared_recurrent"
    v = linear("embedding", table[z])
    e = torch.from_numpy(gaussians(distance.numpy()))
    for t in range(args["n_recurrent_steps"] if shared else args["n_conv"]):
        conv = "shared_conv.fc_full" if shared else f"convs.{t}.fc_full"
        bn1, bn2 = (f"recurrent_bn1s.{t}", f"recurrent_bn2s.{t}") if shared else (f"convs.{t}.bn1", f"convs.{t}.bn2")
        gate, core = norm(bn1, linear(conv, torch.cat([v[center], v[neighbor], e], 1))).chunk(2, 1)
        new = fn.softplus(v + norm(bn2, torch.zeros_like(v).index_add(0, center, torch.sigmoid(gate) * fn.softplus(core))))
        if args["recurrent_learnable_alpha"]:
            a = torch.sigmoid(s["recurrent_alpha"][t])
            new = (1 - a) * v + a * new
        if args["recurrent_layer_norm"]:
            new = fn.layer_norm(new, new.shape[1:], s["recurrent_norm.weight"], s["recurrent_norm.bias"])
        v = new
    n = int(crystal.max()) + 1
    x = torch.stack([v[crystal == c].mean(0) for c in range(n)])
    x = fn.softplus(linear("conv_to_fc", fn.softplus(x)))
    for i in range(args["n_h"] - 1):
        x = fn.softplus(linear(f"fcs.{i}", x))
    return linear("fc_out", x)


def load_program(name, inside):
    """The module cgcnn.model of a reference program; None where it is absent."""
    root = os.path.join(os.environ.get("RECRYST_PROGRAMS", ""), name, inside)
    if not os.environ.get("RECRYST_PROGRAMS") or not os.path.isfile(os.path.join(root, "cgcnn", "model.py")):
        return None
    for module in [m for m in sys.modules if m == "cgcnn" or m.startswith("cgcnn.")]:
        del sys.modules[module]
    sys.path.insert(0, root)
    try:
        return importlib.import_module("cgcnn.model")
    finally:
        sys.path.pop(0)


def run_program(program, checkpoint, table, batch, recurrent):
    """As the program's predict.py and main.py --resume use a checkpoint."""
    args = dict(checkpoint["args"])
    extra = {k: args[k] for k in ("conv_mode", "n_recurrent_steps", "recurrent_layer_norm",
                                  "recurrent_learnable_alpha")} if recurrent else {}
    model = program.CrystalGraphConvNet(table.shape[1], 41, atom_fea_len=args["atom_fea_len"], n_conv=args["n_conv"],
                                        h_fea_len=args["h_fea_len"], n_h=args["n_h"],
                                        classification=args["task"] == "classification", **extra)
    model.load_state_dict(checkpoint["state_dict"])
    model.eval()
    z, center, neighbor, distance, crystal = batch
    n, m = len(z), len(center) // len(z)
    crystals = [torch.from_numpy(np.flatnonzero(crystal == c)) for c in range(crystal.max() + 1)]
    with torch.no_grad():
        out = model(table[z].float(), torch.from_numpy(gaussians(distance)).float().view(n, m, 41),
                    torch.from_numpy(neighbor).view(n, m), crystals)
    for make in (torch.optim.SGD, torch.optim.Adam):
        optimizer = make(model.parameters(), 0.5)
        optimizer.load_state_dict(checkpoint["optimizer"])
        torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[100])
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
    return torch.exp(out[:, 1]) if args["task"] == "classification" else out[:, 0]


def check(what, got, want, scale, worst):
    difference = float(np.abs(np.asarray(got, float) - np.asarray(want)).max()) / scale
    worst[what] = max(worst.get(what, 0), difference)
    assert difference <= TOLERANCE, f"{what}: {difference} of a standard deviation"


def check_extended(batch, worst):
    """Several targets, transforms, standard deviations, ensembles: all outputs, to 1e-5 of 1 + the value's size."""
    z, center, neighbor, distance, crystal = batch
    feed = {"atomic_number": z, "edge_center": center, "edge_neighbor": neighbor,
            "edge_distance": distance.astype(np.float32), "crystal_index": crystal}
    cases = read("extended.json")
    for case in cases:
        path = os.path.join(folder, case["name"] + ".onnx")
        onnx.checker.check_model(onnx.load(path), full_check=True)
        session = onnxruntime.InferenceSession(path)
        names = [output.name for output in session.get_outputs()]
        assert names == [k for k in ("prediction", "std", "spread") if k in case], (case["name"], names)
        for name, got in zip(names, session.run(None, feed)):
            want = np.array(case[name])
            if case["targets"] > 1:
                want = want.reshape(-1, case["targets"])
            assert got.shape == want.shape, (case["name"], name, got.shape, want.shape)
            check(f"{name} of extended models", (got - want) / (1 + np.abs(want)), np.zeros_like(want), 1, worst)
            assert np.ptp(want) > 0, (case["name"], name)
    assert len(cases) >= 20, len(cases)


def main():
    cases, graphs, worst = read("cases.json"), read("graphs.json"), {}
    vectors = {int(z): v for z, v in read("atom_init.json").items()}
    table = torch.full((119, len(vectors[1])), float("nan"), dtype=torch.float64)
    for z, v in vectors.items():
        table[z] = torch.tensor(v, dtype=torch.float64)
    batches = {kind: batch_of(graphs[kind]) for kind in graphs}
    programs = {"SR-CGCNN": load_program("SR-CGCNN", "SR-CGCNN"), "cgcnn": load_program("cgcnn", "")}
    for case in cases:
        path = os.path.join(folder, case["name"])
        loaded = [torch.load(path + ".pth.tar", weights_only=w) for w in (True, False)]
        for a, b in zip(loaded[0]["state_dict"].items(), loaded[1]["state_dict"].items()):
            assert a[0] == b[0] and torch.equal(a[1], b[1]), a[0]
        checkpoint = loaded[0]
        assert set(checkpoint) == {"epoch", "state_dict", "best_mae_error", "optimizer", "normalizer", "args"}
        args, classes = checkpoint["args"], checkpoint["args"]["task"] == "classification"
        mean, std = (float(checkpoint["normalizer"][k]) for k in ("mean", "std"))
        scale = 1 if classes else std
        for kind, batch in batches.items():
            out = forward(checkpoint["state_dict"], args, table, batch)
            value = torch.softmax(out, 1)[:, 1] if classes else out[:, 0] * std + mean
            check("torch", value, case[kind], scale, worst)
        for name, program in programs.items():
            if program is None or (name == "cgcnn" and args["conv_mode"] != "standard"):
                continue
            out = run_program(program, checkpoint, table, batches["even"], name == "SR-CGCNN")
            check(name, out if classes else out * std + mean, case["even"], scale, worst)
        for atoms in ("numbers", "features"):
            model = onnx.load(f"{path}.{atoms}.onnx")
            onnx.checker.check_model(model, full_check=True)
            meta = {p.key: p.value for p in model.metadata_props}
            assert meta["format"] == "recryst-onnx" and meta["graph.radius"] == "8", meta
            assert {int(z): v for z, v in json.loads(meta["element_table"]).items()} == vectors
            session = onnxruntime.InferenceSession(f"{path}.{atoms}.onnx")
            for kind, (z, center, neighbor, distance, crystal) in batches.items():
                feed = {"edge_center": center, "edge_neighbor": neighbor, "edge_distance": distance.astype(np.float32),
                        "crystal_index": crystal}
                feed |= {"atomic_number": z} if atoms == "numbers" else {"atom_features": table[z].float().numpy()}
                check("onnxruntime", session.run(None, feed)[0], case[kind], scale, worst)
                feed["crystal_index"] = np.zeros_like(crystal)  # one crystal instead of many
                assert session.run(None, feed)[0].shape == (1,)
        if args["conv_mode"] == "standard":  # an element without a vector spoils its crystal, and no other
            session = onnxruntime.InferenceSession(path + ".numbers.onnx")
            z, center, neighbor, distance, crystal = batches["even"]
            z = z.copy()
            z[crystal == 1] = 118
            out = session.run(None, {"atomic_number": z, "edge_center": center, "edge_neighbor": neighbor,
                                     "edge_distance": distance.astype(np.float32), "crystal_index": crystal})[0]
            assert np.flatnonzero(np.isnan(out)).tolist() == [1], out
    check_extended(batches["uneven"], worst)
    for name, program in programs.items():
        if program is None:
            print(f"SKIPPED: the program {name} is not in RECRYST_PROGRAMS")
    print(f"{len(cases)} networks, largest differences of a standard deviation: "
          + ", ".join(f"{k} {v:.1e}" for k, v in worst.items()))


main()
