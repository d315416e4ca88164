"""Recurrent layers and attention beside torch: python -m benchmarks sequences."""

from benchmarks.works.beside_torch import header, layer_row, torch  # first: sets the threads

# isort: split
from minidl import GRU, LSTM, RNN, MultiHeadAttention

FEATURES = 64


class SelfAttention(torch.nn.Module):
    def __init__(self, heads):
        super().__init__()
        self.inner = torch.nn.MultiheadAttention(FEATURES, heads, batch_first=True)

    def forward(self, x):
        return self.inner(x, x, x, need_weights=False)


def main():
    header()
    for samples, steps in ((32, 20), (32, 100), (1, 100)):
        shape = (samples, steps, FEATURES)
        for kind in (RNN, GRU, LSTM):
            theirs = getattr(torch.nn, kind.__name__)(FEATURES, FEATURES, batch_first=True)
            layer_row(f"{kind.__name__} 64 → 64", kind(FEATURES, FEATURES), theirs, shape)
        ours = MultiHeadAttention(FEATURES, 4)
        layer_row("MultiHeadAttention, 4 heads", ours, SelfAttention(4), shape)


if __name__ == "__main__":
    main()
