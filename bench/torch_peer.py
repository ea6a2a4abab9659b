"""PyTorch's side of the comparison: does what it is told to on standard input, so that the two sides can take turns.

    python torch_peer.py FOLDER THREADS

FOLDER is what bench_step wrote. FORM is plain, best:LAYOUT:GATHER:GEMM (compiled), or eager:LAYOUT:GATHER:GEMM (the
same, not compiled). Commands, one a line, each answered by one line:

    train FORM ARCH STEPS      seconds of each training step
    predict FORM ARCH STEPS    seconds of each forward pass in evaluation, without gradients
    check FORM ARCH            differences from recryst's check-ARCH.safetensors, as JSON
"""
import json
import sys
import time

import numpy as np
import torch
import torch._dynamo
from torch.nn import functional as fn

import tensors
import torch_models


def load_batch(folder):
    stored = {name: torch.from_numpy(value) for name, value in tensors.read(f"{folder}/batch.safetensors").items()}
    elements = torch.from_numpy(tensors.read(f"{folder}/elements.safetensors")["elements"])
    neighbors, number = stored["neighbor"].long(), stored["atomic_number"].long()
    offset, distance = stored["crystal_offset"].long(), stored["distance"]
    sizes = offset[1:] - offset[:-1]
    flat = neighbors.reshape(-1)
    first = torch.zeros(len(number), dtype=torch.long)
    first[1:] = torch.bincount(flat, minlength=len(number)).cumsum(0)[:-1]
    return {
        "elements": elements,
        "atomic_number": number,
        "atom_features": elements[number],
        "neighbors": neighbors,
        "flat": flat,
        "by_source": torch.argsort(flat, stable=True),
        "first": first,
        "gaussians": torch.exp(-((distance[..., None] - torch.arange(41) * 0.2) ** 2) / 0.2**2),
        "crystals": [torch.arange(offset[i], offset[i + 1]) for i in range(len(sizes))],
        "crystal_of_atom": torch.repeat_interleave(torch.arange(len(sizes)), sizes),
        "sizes": sizes.float()[:, None],
        "n_crystals": len(sizes),
        "target": stored["target"],
    }


def stored_name(name, shared):
    """The name of one of our parameters in the model file."""
    part, _, rest = name.partition(".")
    if part == "fc_full":
        index, _, rest = rest.partition(".")
        return f"shared_conv.fc_full.{rest}" if shared else f"convs.{index}.fc_full.{rest}"
    if part in ("bn1", "bn2"):
        index, _, rest = rest.partition(".")
        return f"recurrent_{part}s.{index}.{rest}" if shared else f"convs.{index}.{part}.{rest}"
    return name


class Peer:
    """One form of one architecture, trained or evaluated."""

    def __init__(self, folder, form, arch, training):
        kind, *rest = form.split(":")
        shared = arch == "sr"
        self.model = torch_models.Plain(shared) if kind == "plain" else torch_models.Best(shared, *rest)
        weights = tensors.read(f"{folder}/{arch}.safetensors")
        state = self.model.state_dict()
        for name, value in state.items():
            stored = weights.get(stored_name(name, shared))
            if stored is not None:
                state[name] = torch.from_numpy(stored).reshape(value.shape)
            elif not name.endswith("num_batches_tracked"):
                sys.exit(f"{arch}.safetensors lacks {stored_name(name, shared)}")
        self.model.load_state_dict(state)
        self.model.train(training)
        self.run = self.model
        if kind == "best":
            self.run = torch.compile(self.model, dynamic=False)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3, fused=kind != "plain")

    def loss(self, batch):
        out = self.run(batch)
        return out, fn.mse_loss(out, batch["target"])

    def train_step(self, batch):
        self.optimizer.zero_grad(set_to_none=True)
        self.loss(batch)[1].backward()
        self.optimizer.step()

    def predict_step(self, batch):
        with torch.no_grad():
            return self.run(batch)


def difference(ours, theirs, scale):
    """Euclidean norm of the difference over that of `scale`."""
    return float(np.linalg.norm(ours.astype(np.float64) - theirs.astype(np.float64)) / np.linalg.norm(scale.astype(np.float64)))


def check(folder, form, arch, batch):
    """Output, loss and gradients in training, predictions after it, against recryst's."""
    ours = tensors.read(f"{folder}/check-{arch}.safetensors")
    peer = Peer(folder, form, arch, True)
    out, loss = peer.loss(batch)
    loss.backward()
    theirs = {stored_name(n, arch == "sr"): p.grad.numpy() for n, p in peer.model.named_parameters()}
    whole = np.sqrt(sum(np.linalg.norm(g) ** 2 for g in theirs.values()))
    gradients = {}
    for name, g in theirs.items():
        # The biases before a batch normalisation have gradient 0 but for rounding: theirs is measured by the whole.
        scale = g if np.linalg.norm(g) > 1e-3 * whole else np.array([whole])
        gradients[name] = difference(ours[name].reshape(g.shape), g, scale)
    worst = max(gradients, key=gradients.get)
    output = out.detach().numpy()
    peer.model.eval()
    prediction = peer.predict_step(batch).numpy()
    return {
        "output": difference(ours["output"], output, output),
        "loss": abs(float(ours["loss"][0]) - float(loss.detach())) / float(loss.detach()),
        "gradient": gradients[worst],
        "worst": worst,
        "prediction": difference(ours["prediction"], prediction, prediction),
    }


def main():
    folder, threads = sys.argv[1], int(sys.argv[2])
    torch.set_num_threads(threads)
    torch._dynamo.config.recompile_limit = 1000  # every peer shares the code of forward
    torch._dynamo.config.accumulated_recompile_limit = 1000
    batch = load_batch(folder)
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
    peers = {}
    for line in sys.stdin:
        what, form, arch, *rest = line.split()
        if what == "check":
            print(json.dumps(check(folder, form, arch, batch)), flush=True)
            continue
        key = (what, form, arch)
        if key not in peers:
            peers[key] = Peer(folder, form, arch, what == "train")
        step = getattr(peers[key], what + "_step")
        times = []
        for _ in range(int(rest[0])):
            start = time.perf_counter()
            step(batch)
            times.append(time.perf_counter() - start)
        print(" ".join(f"{t:.6e}" for t in times), flush=True)


if __name__ == "__main__":
    main()
