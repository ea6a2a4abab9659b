"""CGCNN and SR-CGCNN in PyTorch: the peers that recryst is measured against.

Two forms of the same mathematics with the same parameters (names as in the programs' state_dict):

* Plain: as the published programs write it. Features are concatenated for every edge, the expanded Gaussians are stored for
  every edge, crystals are pooled one by one.
* Best: the fastest form found for PyTorch on a CPU. Products per atom instead of per edge, the distance term of shared
  weights computed once, pooling by index_add, everything in one torch.compile graph, batches ready in memory.

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
        return self.fc_out(fn.softplus(self.conv_to_fc(fn.softplus(pooled))))

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


class Best(Plain):
    """The same parameters; see the head of this file."""

    def forward(self, batch):
        f = self.features
        v = self.embedding(batch["atom_features"])
        index, gaussians = batch["neighbors"], batch["gaussians"]
        n, m = index.shape
        flat = index.reshape(-1)
        distance_term = None
        for t in range(self.depth):
            fc = self.fc_full[0 if self.shared else t]
            w_i, w_j, w_e = fc.weight[:, :f], fc.weight[:, f : 2 * f], fc.weight[:, 2 * f :]
            if distance_term is None or not self.shared:
                distance_term = fn.linear(gaussians.view(n * m, -1), w_e, fc.bias).view(n, m, 2 * f)
            p, q = fn.linear(v, w_i), fn.linear(v, w_j)
            z = p.unsqueeze(1) + q.index_select(0, flat).view(n, m, 2 * f) + distance_term
            z = self.bn1[t](z.view(-1, 2 * f)).view(n, m, 2 * f)
            summed = torch.sum(torch.sigmoid(z[..., :f]) * fn.softplus(z[..., f:]), dim=1)
            v = fn.softplus(v + self.bn2[t](summed))
        pooled = v.new_zeros(batch["n_crystals"], f).index_add(0, batch["crystal_of_atom"], v) / batch["sizes"]
        return self.head(pooled)
