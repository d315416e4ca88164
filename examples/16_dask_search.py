"""
A search on several processes
=============================

Scikit-learn hands the fits of a search to joblib, and joblib to whatever engine it is told: here
to two local workers of dask, which could as well be a cluster. Nothing in minidl knows of it.
"""

import joblib
import numpy as np
from _pictures import parser, show
from matplotlib import pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from minidl import NeuralNetClassifier

options = parser(__doc__).parse_args()

# %%
# Six fits: three sizes of the network, two folds each.

SIZES = [4, 16, 64]


def search():
    from dask.distributed import Client

    x, y = load_digits(return_X_y=True)
    model = NeuralNetClassifier(max_epochs=20, learning_rate=0.005, random_state=0)
    found = GridSearchCV(model, {"hidden": SIZES}, cv=2)
    local = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with Client(**local), joblib.parallel_config("dask"):
        found.fit(x, y)
    return found


# %%
# Workers are new processes that import this file: the guard keeps them from searching too.

if __name__ == "__main__":
    found = search()
    scores = np.array(found.cv_results_["mean_test_score"])
    for size, score in zip(SIZES, scores, strict=True):
        print(f"{size:3} hidden units: accuracy {score:.3f}")
    figure, ax = plt.subplots(figsize=(6, 4))
    ax.semilogx(SIZES, scores, "o-", base=2)
    ax.set(xlabel="hidden units", ylabel="cross-validated accuracy")
    show(options.save, dask_search=figure)
