"""
A network in a scikit-learn pipeline
====================================

Rents of flats: some columns are numbers, one is a word. A pipeline prepares them, and a network of
minidl's at its end predicts not the mean but the rent that nine of ten flats stay below: with a
loss of our own. Then a search chooses between ReLU and a layer of our own.
"""

import numpy as np
from _pictures import parser, show
from matplotlib import pyplot as plt
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_moons
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from minidl import (
    Dense,
    Layer,
    NeuralNetClassifier,
    NeuralNetRegressor,
    Parameter,
    ReLU,
    Sequential,
)
from minidl.estimators import HistoryDisplay
from minidl.losses import ElementwiseLoss

options = parser(__doc__).parse_args()

# %%
# The rent depends on area, year and district; how much it scatters depends on the area. The words
# become columns of 0 and 1; the estimator itself standardises what it gets.

rng = np.random.default_rng(0)
flats = 3000
area, year = rng.uniform(20, 120, flats), rng.integers(1900, 2026, flats)
district = rng.choice(["centre", "north", "south"], flats)
level = 8 + 0.03 * (year - 1900) + 4 * (district == "centre")
rent = area * level * (1 + 0.2 * rng.normal(size=flats))
table = np.column_stack([area, year, district]).astype(object)
table[:, :2] = np.column_stack([area, year])

# %%
# The loss: each unit below the target costs q, each above it 1 − q. It is least where a fraction
# q of the targets is below. Value and slope are all that a loss has to say.


class Pinball(ElementwiseLoss):
    config = ("q",)

    def __init__(self, q):
        self.q = q

    def terms(self, z, t):
        slope = (z > t).astype(z.dtype) - z.dtype.type(self.q)
        return slope * (z - t), slope


columns = make_column_transformer((OneHotEncoder(), [2]), remainder="passthrough")
network = NeuralNetRegressor(
    (32, 16), loss=Pinball(0.9), early_stopping=True, validation=0.2, random_state=0
)
model = make_pipeline(columns, network)
x_train, x_test, y_train, y_test = train_test_split(table, rent, random_state=0)
model.fit(x_train, y_train)
below = np.mean(y_test < model.predict(x_test))
print(f"stopped after {model[-1].n_iter_} epochs; {below:.3f} of the held-out rents are below")

# %%
# A layer of our own: a ReLU whose slope below 0 is learnt. The search makes a fresh network for
# every fold, with the function that is given as the module.


class Leaky(Layer):
    def __init__(self):
        self.slope = Parameter(np.zeros(1))

    def forward(self, x):
        return np.maximum(x, 0) + self.slope.value * np.minimum(x, 0), x

    def backward(self, dy, x):
        self.slope.grad += (dy * np.minimum(x, 0)).sum()
        return dy * ((x > 0) + self.slope.value * (x <= 0))


def with_relu(n_features, n_outputs, rng):
    return Sequential(Dense(n_features, 16, rng=rng), ReLU(), Dense(16, n_outputs, rng=rng))


def with_leaky(n_features, n_outputs, rng):
    return Sequential(Dense(n_features, 16, rng=rng), Leaky(), Dense(16, n_outputs, rng=rng))


x, y = make_moons(300, noise=0.2, random_state=0)
search = GridSearchCV(
    NeuralNetClassifier(learning_rate=0.03, weight_decay=1e-3, batch_size=50, random_state=0),
    {"module": [with_relu, with_leaky]},
    cv=3,
)
search.fit(x, y)
for module, score in zip(
    search.cv_results_["param_module"], search.cv_results_["mean_test_score"], strict=True
):
    print(f"{module.__name__}: accuracy {score:.3f}")

# %%
# The curves of the network at the end of the pipeline.

figure, ax = plt.subplots(figsize=(6, 4))
HistoryDisplay.from_estimator(model[-1], ax=ax)
show(options.save, sklearn_pipeline=figure)
