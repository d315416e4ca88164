"""
A language model
================

What is the next letter? A small transformer learns it from the first chapter of Genesis, 31 verses
in the King James Version (1611, public domain; ``genesis.txt`` beside this file), and then writes
verses of its own. Large language models are built of the same layers, a few million times larger.
"""

from pathlib import Path

import numpy as np
from _pictures import parser, show
from matplotlib import pyplot as plt

from minidl import (
    AdamW,
    ClipNorm,
    CosineDecay,
    Dense,
    Embedding,
    LayerNorm,
    MultiHeadAttention,
    PositionalEncoding,
    ReLU,
    Residual,
    Sequential,
    SoftmaxCrossEntropy,
    WarmUp,
    fit,
)
from minidl.plotting import learning_curves

options = parser(__doc__, quick="a tenth of the steps").parse_args()

# %%
# Letters as numbers
# ------------------
# Every character that occurs gets a number. The last eight verses, about the sixth day, are held
# out: whoever knows a text by heart has not yet learnt a language.

text = (Path(__file__).parent / "genesis.txt").read_text(encoding="utf-8")
alphabet = sorted(set(text))
codes = np.array([alphabet.index(letter) for letter in text])
split = text.index("And God said, Let the earth bring forth the living creature")
known, held_out = codes[:split], codes[split:]
print(
    f"{len(known):,} characters to train on, {len(held_out):,} held out, {len(alphabet)} different"
)

# %%
# What is it worth to know nothing but how often each letter occurs? That is the unigram entropy,
# −Σ p log p, and a guesser who knows the frequencies p has it for a loss. It is the mark to beat.
# It comes in nats, as the loss is measured, or in bits: divided by log 2.

share = np.bincount(known, minlength=len(alphabet)) / len(known)
unigram = -sum(p * np.log(p) for p in share if p > 0)
print(f"unigram entropy {unigram:.2f} nats, {unigram / np.log(2):.2f} bits a character")

# %%
# The network
# -----------
# - An embedding turns each letter into 48 numbers; the positional encoding adds where it stands.
# - Two blocks follow, each of two residual parts, x + f(x). In the first, attention: every place
#   looks back at all earlier ones, and fetches what it finds useful. It is *causal*: looking ahead
#   would be cheating. In the second, a dense layer up and one down work on each place by itself.
# - A dense layer gives the logits of the next letter, at every place: (N, T, letters). The loss
#   takes the mean over all N · T guesses.

FEATURES, CONTEXT = 48, 64
rng = np.random.default_rng(0)


def block():
    return (
        Residual(LayerNorm(FEATURES), MultiHeadAttention(FEATURES, 4, causal=True, rng=rng)),
        Residual(
            LayerNorm(FEATURES),
            Dense(FEATURES, 4 * FEATURES, rng=rng),
            ReLU(),
            Dense(4 * FEATURES, FEATURES, rng=rng),
        ),
    )


network = Sequential(
    Embedding(len(alphabet), FEATURES, rng=rng),
    PositionalEncoding(FEATURES),
    *block(),
    *block(),
    LayerNorm(FEATURES),
    Dense(FEATURES, len(alphabet), rng=rng),
)
print(network)

# %%
# Training
# --------
# Pieces of 64 letters, each beginning four letters after the one before; the targets are the same
# letters, one place on. The learning rate rises first, while Adam's means are still rough. Weights
# decay, biases and gains do not.


def pieces(codes, every):
    cut = np.lib.stride_tricks.sliding_window_view(codes, CONTEXT + 1)[::every]
    return cut[:, :-1], cut[:, 1:]


x, y = pieces(known, 4)
epochs, batch_size = 1 if options.quick else 10, 16
steps = epochs * -(-len(x) // batch_size)
optimizer = AdamW(
    network,
    WarmUp(30, CosineDecay(0.005, steps - 30)),
    weight_decay=0.1,
    groups={"*.bias*": {"weight_decay": 0}, "*.gain": {"weight_decay": 0}},
    clip=ClipNorm(1.0),
)
history = fit(
    network,
    SoftmaxCrossEntropy(),
    optimizer,
    x,
    y,
    epochs=epochs,
    batch_size=batch_size,
    validation=pieces(held_out, 16),
    seed=0,
)
losses = {
    "training": history.training["loss"][-1],
    "held-out at best": min(history.validation["loss"]),
    "held-out in the end": history.validation["loss"][-1],
}
for name, loss in losses.items():
    print(f"{name} loss {loss:.2f} nats, {loss / np.log(2):.2f} bits a character")

# %%
# Three thousand letters are few: the network soon knows them by heart, and then its held-out loss
# rises again. At its best it is far below the unigram entropy all the same: the sixth day was made
# in the words of the first five. `EarlyStopping` would stop there; here it goes on, so that the
# curve can be seen.
#
# Writing
# -------
# The probabilities of the next letter are drawn from, the letter is put at the end, and so on. The
# logits are divided by a *temperature* first: below 1 the likely letters become likelier.


def write(start, letters, temperature, rng):
    written = [alphabet.index(letter) for letter in start]
    for _ in range(letters):
        logits = network(np.array([written[-CONTEXT:]]))[0, -1] / temperature
        p = np.exp(logits.astype(float) - logits.max())
        written.append(rng.choice(len(alphabet), p=p / p.sum()))
    return "".join(alphabet[code] for code in written)


sample = write("And God said, Let", 300, temperature=0.5, rng=np.random.default_rng(0))
print(sample)

# %%
# What it looks at
# ----------------
# In the first block the attention of each head is a matrix: row by row, how much a letter looks at
# each of the letters before it; `forward` of the layer hands it on in its cache. Nothing stands
# above the diagonal, since no letter looks ahead. Most look at their neighbours, but rare letters
# draw eyes from afar: the v tells which word this is.

phrase = "And the evening and the morning"
reading = np.array([[alphabet.index(letter) for letter in phrase]])
embedded = network[:2](reading)
norm, attention = network[2]
_, (_, _, weights, _) = attention.forward(norm(embedded))
figure, axes = plt.subplots(1, 2, figsize=(14, 6), layout="constrained")
learning_curves(history, ax=axes[0])
axes[0].axhline(unigram, color="black", linestyle=":", label="unigram entropy")
axes[0].set(ylim=(0, None), ylabel="loss, nats a character")
axes[0].legend()
axes[1].imshow(weights[0].mean(axis=0), cmap="Greys")
letters = [letter.replace(" ", "␣") for letter in phrase]
axes[1].set_xticks(range(len(phrase)), letters, family="monospace", fontsize=9)
axes[1].set_yticks(range(len(phrase)), letters, family="monospace", fontsize=9)
axes[1].set(
    xlabel="looks at (darker: more)",
    ylabel="letter, read from the top",
    title="Attention in the first block, mean of four heads",
)

show(options.save, language_model=figure)
