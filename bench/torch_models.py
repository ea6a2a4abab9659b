"""CGCNN and SR-CGCNN in PyTorch: the peers that recryst is measured against.

Forms of the same mathematics with the same parameters:

* Plain: as the published programs write it. Features are concatenated for every edge, the expanded Gaussians are stored
  for every edge, crystals are pooled one by one.
* Best: the fastest forms found for PyTorch on a CPU. Products per atom instead of per edge, the elements' vectors embedded
  as a table, the distance term of shared weights computed once, statistics from sums per atom, pooling by index_add,
  everything in one torch.compile graph, batches ready in memory. Which of its layouts is fastest depends on the task and on
  the number of cores; bench/compare.py tries them all and takes the fastest for each figure.

Xie and Grossman, Phys. Rev. Lett. 120, 145301 (2018); Bhattacharjee, arXiv:2605.01304 (2026).
"""
import torch
from torch import nn
from torch.nn import functional as fn


class Plain(nn.Module):
    """The network of `depth` convolutions; shared: one weight matrix for all (SR-CGCNN), else each its own (CGCNN)."""

    def __init__(self, shared, depth=3, features=64, gaussians=41, hidden=128, inputs=92):
        super().__init__()
        self.shared, self.depth, self.features = shared, depth, features
        self.embedding = nn.Linear(inputs, features)
        width = 2 * features
        self.fc_full = nn.ModuleList(nn.Linear(width + gaussians, width) for _ in range(1 if shared else depth))
        self.bn1 = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(depth))
        self.bn2 = nn.ModuleList(nn.BatchNorm1d(features) for _ in range(depth))
        self.conv_to_fc = nn.Linear(features, hidden)
        self.fc_out = nn.Linear(hidden, 1)

    def head(self, pooled):
        return self.fc_out(fn.softplus(self.conv_to_fc(fn.softplus(pooled))))[:, 0]

    def forward(self, batch):
        v = self.embedding(batch["atom_features"])
        index, gaussians = batch["neighbors"], batch["gaussians"]  # [N, 12], [N, 12, 41]
        n, m = index.shape
        for t in range(self.depth):
            fc = self.fc_full[0 if self.shared else t]
            z = fc(torch.cat([v.unsqueeze(1).expand(n, m, self.features), v[index], gaussians], dim=2))
            z = self.bn1[t](z.view(-1, 2 * self.features)).view(n, m, 2 * self.features)
            gate, core = z.chunk(2, dim=2)
            summed = torch.sum(torch.sigmoid(gate) * fn.softplus(core), dim=1)
            v = fn.softplus(v + self.bn2[t](summed))
        pooled = torch.cat([torch.mean(v[atoms], dim=0, keepdim=True) for atoms in batch["crystals"]], dim=0)
        return self.head(pooled)


class GatherRows(torch.autograd.Function):
    """Rows of the neighbors. The gradient sums, for every atom, over the edges that start there (sorted once, like the
    rest of the batch), instead of scattering with atomic additions."""

    @staticmethod
    def forward(ctx, rows, flat, by_source, first):
        ctx.save_for_backward(by_source, first)
        return rows.index_select(0, flat)

    @staticmethod
    def backward(ctx, d):
        by_source, first = ctx.saved_tensors
        return fn.embedding_bag(by_source, d.contiguous(), first, mode="sum"), None, None, None


@torch.library.custom_op("recryst_bench::dnn_linear", mutates_args=())
def dnn_linear(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """x w^T by oneDNN; an operation of its own, because the compiler takes oneDNN's with constant weights only."""
    return torch.ops.mkldnn._linear_pointwise(x, w, None, "none", [], "")


@dnn_linear.register_fake
def _(x, w):
    return x.new_empty(x.shape[0], w.shape[0])


class DnnLinear(torch.autograd.Function):
    """x w^T by oneDNN, which is faster than the default's MKL on AMD processors."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return dnn_linear(x, w.contiguous())

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        dx = None
        if ctx.needs_input_grad[0]:
            dx = dnn_linear(dy.contiguous(), w.t().contiguous())
        return dx, torch.mm(dy.t(), x)


def log_softplus(x):
    """softplus by log rather than log1p: cheaper where log has a faster vector form."""
    return torch.log(1 + torch.exp(-x.abs())) + x.clamp_min(0)


class Best(Plain):
    """The same parameters; see the head of this file.

    layout: "rows" keeps filter and core side by side, "halves" apart from the beginning.
    gather: "index" leaves the gradient of the gather to PyTorch, "bag" uses GatherRows.
    gemm: "mkl" is PyTorch's default for products, "dnn" uses DnnLinear.
    """

    FORMS = [f"best:{layout}:{gather}:{gemm}" for layout in ("rows", "halves") for gather in ("index", "bag") for gemm in ("mkl", "dnn")]

    def __init__(self, shared, layout, gather, gemm, **sizes):
        super().__init__(shared, **sizes)
        self.layout, self.gather, self.gemm = layout, gather, gemm

    def product(self, x, w):
        return DnnLinear.apply(x, w) if self.gemm == "dnn" else torch.mm(x, w.t())

    def neighbor_rows(self, q, batch):
        n, m = batch["neighbors"].shape
        if self.gather == "bag" and self.training:
            return GatherRows.apply(q, batch["flat"], batch["by_source"], batch["first"]).view(n, m, -1)
        if self.layout == "halves":
            return q[batch["neighbors"]]
        return q.index_select(0, batch["flat"]).view(n, m, -1)

    def norm(self, z, bn, columns):
        """Batch normalisation over the first two dimensions, for these columns of the norm's channels."""
        mean, var = bn.running_mean[columns], bn.running_var[columns]
        if self.training:
            count = z.shape[0] * z.shape[1]
            batch_mean = z.sum(1).sum(0) / count
            batch_var = (z * z).sum(1).sum(0) / count - batch_mean * batch_mean
            with torch.no_grad():
                mean.lerp_(batch_mean, bn.momentum)
                var.lerp_(batch_var * (count / (count - 1)), bn.momentum)
            mean, var = batch_mean, batch_var
        k = bn.weight[columns] * torch.rsqrt(var + bn.eps)
        return z * k + (bn.bias[columns] - mean * k)

    def messages(self, v, distance, fc, bn, batch):
        f = self.features
        w = fc.weight
        if self.layout == "rows":
            pq = self.product(v, torch.cat([w[:, :f], w[:, f : 2 * f]], 0))
            z = (pq[:, : 2 * f] + fc.bias).unsqueeze(1) + self.neighbor_rows(pq[:, 2 * f :], batch) + distance[0]
            y = self.norm(z, bn, slice(0, 2 * f))
            return torch.sum(torch.sigmoid(y[..., :f]) * log_softplus(y[..., f:]), dim=1)
        q = self.product(v, w[:, f : 2 * f])
        half = []
        for h, columns in enumerate((slice(0, f), slice(f, 2 * f))):
            p = (self.product(v, w[columns, :f]) + fc.bias[columns]).unsqueeze(1)
            if self.gather == "bag" and self.training:
                if h == 0:
                    rows = self.neighbor_rows(q, batch)
                z = p + rows[..., columns] + distance[h]
            else:
                z = p + self.neighbor_rows(q[:, columns], batch) + distance[h]
            half.append(self.norm(z, bn, columns))
        return torch.sum(torch.sigmoid(half[0]) * fn.softplus(half[1]), dim=1)

    def forward(self, batch):
        f = self.features
        v = self.embedding(batch["elements"]).index_select(0, batch["atomic_number"])
        n, m = batch["neighbors"].shape
        gaussians = batch["gaussians"].view(n * m, -1)
        columns = [slice(0, 2 * f)] if self.layout == "rows" else [slice(0, f), slice(f, 2 * f)]
        distance = None
        for t in range(self.depth):
            fc = self.fc_full[0 if self.shared else t]
            if distance is None or not self.shared:
                distance = [self.product(gaussians, fc.weight[c, 2 * f :]).view(n, m, -1) for c in columns]
            v = fn.softplus(v + self.bn2[t](self.messages(v, distance, fc, self.bn1[t], batch)))
        pooled = v.new_zeros(batch["n_crystals"], f).index_add(0, batch["crystal_of_atom"], v) / batch["sizes"]
        return self.head(pooled)
