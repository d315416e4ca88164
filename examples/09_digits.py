"""
Digits
======

Real handwriting: 1,797 digits of 8 × 8 pixels that come with scikit-learn. A network 64-64-10 reads
them in a few seconds. Then comes the part that teaches most, a look at those it gets wrong.
"""

import numpy as np
from _pictures import parser, show
from matplotlib import pyplot as plt
from sklearn.datasets import load_digits
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split

from minidl import SGD, Dense, ReLU, Sequential, SoftmaxCrossEntropy, accuracy, fit, predict_proba
from minidl.initializers import he_uniform
from minidl.plotting import learning_curves

options = parser(__doc__).parse_args()

# %%
# Pixels run from 0 to 16; the initial weights are made for inputs of about 1, so they are divided.
# Every third digit is held out, the same share of each class.

digits = load_digits()
x_train, x_test, y_train, y_test = train_test_split(
    digits.data / 16, digits.target, test_size=1 / 3, stratify=digits.target, random_state=0
)

# %%
# The network and its training.

rng = np.random.default_rng(0)
network = Sequential(
    Dense(64, 64, weight_initializer=he_uniform, rng=rng),
    ReLU(),
    Dense(64, 10, rng=rng),
)
print(network)
history = fit(
    network,
    SoftmaxCrossEntropy(),
    SGD(network, learning_rate=0.1, momentum=0.9),
    x_train,
    y_train,
    epochs=30,
    batch_size=32,
    validation=(x_test, y_test),
    seed=0,
)
print(history)

# %%
# The training accuracy reaches 100 %: the network knows those digits by heart. What it has
# *learnt* shows only on the others.

probability = predict_proba(network, x_test)
called = probability.argmax(axis=1)
held_out = accuracy(called, y_test)
wrong = np.flatnonzero(called != y_test)
print(f"held-out accuracy {held_out:.3f}: {len(wrong)} of {len(y_test)} digits wrong")

# %%
# The confusion matrix has a row for every true digit and a column for every answer; what stands
# beside the diagonal is a mistake.

figure, axes = plt.subplots(1, 3, figsize=(15, 4.6), layout="constrained")
learning_curves(history, ax=axes[0])
learning_curves(history, "accuracy", ax=axes[1])
ConfusionMatrixDisplay.from_predictions(y_test, called, ax=axes[2], cmap="Blues", colorbar=False)
axes[2].set_title(f"Held-out digits: {held_out:.1%} right")

# %%
# And the mistakes themselves, the surest first. Some would puzzle a person too. Others are plain,
# and the network is sure of the wrong answer: its probabilities are not to be taken at face value.

worst = wrong[np.argsort(-probability[wrong, called[wrong]])][:15]
gallery, places = plt.subplots(3, 5, figsize=(9, 6.4), layout="constrained")
gallery.suptitle(f"Digits it gets wrong ({len(worst)} of {len(wrong)}, the surest first)")
for ax in places.flat:
    ax.axis("off")
for ax, n in zip(places.flat, worst, strict=False):
    ax.imshow(x_test[n].reshape(8, 8), cmap="gray_r")
    ax.set_title(f"{y_test[n]}, called {called[n]} ({probability[n, called[n]]:.0%})", fontsize=11)

show(options.save, digits=figure, digits_wrong=gallery)
