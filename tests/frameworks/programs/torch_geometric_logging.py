"""PyTorch Geometric's `init_wandb` and `log`, as its examples call them with `--wandb`."""

import sys

import torch
from torch_geometric.data import Data
from torch_geometric.logging import init_wandb, log
from torch_geometric.nn import GCNConv

sys.argv.append("--wandb")
torch.manual_seed(1)
edges = torch.tensor([[0, 1, 2, 3, 0, 2], [1, 0, 3, 2, 2, 0]])
data = Data(x=torch.randn(4, 3), edge_index=edges, y=torch.tensor([0, 0, 1, 1]))
init_wandb(name="GCN-Tiny", lr=0.1, epochs=3, hidden_channels=2, device=torch.device("cpu"))
model = GCNConv(3, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
for epoch in range(1, 4):
    optimizer.zero_grad()
    out = model(data.x, data.edge_index)
    loss = torch.nn.functional.cross_entropy(out, data.y)
    loss.backward()
    optimizer.step()
    log(Epoch=epoch, Loss=float(loss), Train=int((out.argmax(1) == data.y).sum()) / 4)
