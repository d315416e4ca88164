"""Activations, normalisation, dropout and embedding beside torch: forward plus backward.

Run it with: python -m benchmarks dense_family
"""

from benchmarks.works.beside_torch import header, layer_row, row, torch  # first: sets the threads

# isort: split
import numpy as np

import minidl
from minidl import Embedding

nn = torch.nn
ROWS, IMAGES = (128, 256), (64, 16, 14, 14)


def embedding_row(words, vocabulary, features):
    x = np.random.default_rng(0).integers(0, vocabulary, words)
    layer, module = Embedding(vocabulary, features), nn.Embedding(vocabulary, features)
    dy = np.ones((words, features), np.float32)
    their_x, their_dy = torch.tensor(x), torch.tensor(dy)

    def ours():
        _, cache = layer.forward(x)
        layer.backward(dy, cache)

    row(f"{layer} ({words} words)", ours, lambda: module(their_x).backward(their_dy))


def main():
    header()
    for name, arguments, module in [
        ("ReLU", (), nn.ReLU()),
        ("LeakyReLU", (0.1,), nn.LeakyReLU(0.1)),
        ("ELU", (), nn.ELU()),
        ("Sigmoid", (), nn.Sigmoid()),
        ("Tanh", (), nn.Tanh()),
        ("Softplus", (), nn.Softplus()),
        ("SiLU", (), nn.SiLU()),
        ("GELU", (), nn.GELU()),
        ("GELU", (True,), nn.GELU(approximate="tanh")),
        ("Softmax", (), nn.Softmax(dim=-1)),
        ("LogSoftmax", (), nn.LogSoftmax(dim=-1)),
        ("Dropout", (0.5,), nn.Dropout(0.5)),
        ("BatchNorm", (256,), nn.BatchNorm1d(256)),
        ("LayerNorm", (256,), nn.LayerNorm(256)),
        ("Dense", (256, 256), nn.Linear(256, 256)),
    ]:
        layer = getattr(minidl, name)(*arguments)
        layer_row(repr(layer), layer, module, ROWS)
    layer_row("BatchNorm(16)", minidl.BatchNorm(16), nn.BatchNorm2d(16), IMAGES)
    embedding_row(1024, 64, 64)
    embedding_row(4096, 10_000, 64)


if __name__ == "__main__":
    main()
