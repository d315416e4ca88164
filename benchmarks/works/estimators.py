"""Beside scikit-learn's own networks, of the same size: `python -m benchmarks estimators`.

Held-out score and seconds of training, over seeds that draw the split and the weights, in turns.
With `--networks 5` a score is the mean over five networks for each split, for both sides, so that
the luck of the weights counts for less; `--first 10 --seeds 40` takes other splits. The defaults
of the estimators were chosen on the splits of seeds 100 to 179.
The rivals get standardised inputs and targets, as the estimators do for themselves.
"""

import argparse
import time
import warnings
from importlib import import_module

import numpy as np

from benchmarks.worker import confined

HIDDEN = (64, 32)
CLASSES = ("digits", "breast_cancer", "wine", "moons")


def data(name):
    from sklearn import datasets

    if name == "moons":
        return datasets.make_moons(500, noise=0.25, random_state=0)
    return getattr(datasets, f"load_{name}")(return_X_y=True)


def rivals(name, seed):
    """Return (minidl's estimator, scikit-learn's) for a data set."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    estimators = import_module("minidl.estimators")
    options = {"random_state": seed}
    if name in CLASSES:
        rival = MLPClassifier(HIDDEN, **options)
        return estimators.NeuralNetClassifier(HIDDEN, **options), make_pipeline(
            StandardScaler(), rival
        )
    rival = make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=HIDDEN, **options))
    rival = TransformedTargetRegressor(rival, transformer=StandardScaler())
    return estimators.NeuralNetRegressor(HIDDEN, **options), rival


def measure(name, seeds, networks=1, **options):
    """Return scores and seconds, of shape (seeds, 2)."""
    from sklearn.model_selection import train_test_split

    x, y = data(name)
    scores, seconds = np.zeros((2, len(seeds), 2))
    for place, seed in enumerate(seeds):
        stratify = y if name in CLASSES else None
        parts = train_test_split(x, y, test_size=0.3, random_state=seed, stratify=stratify)
        for number in range(networks):
            for which, estimator in enumerate(rivals(name, seed + 1000 * number)):
                if not which:
                    estimator.set_params(**options)
                start = time.perf_counter()
                estimator.fit(parts[0], parts[2])
                seconds[place, which] += (time.perf_counter() - start) / networks
                scores[place, which] += estimator.score(parts[1], parts[3]) / networks
    return scores, seconds


def report(name, scores, seconds):
    difference = scores[:, 0] - scores[:, 1]
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    own, rival = scores.mean(axis=0)
    verdict = "ok" if difference.mean() >= -error else "below"
    print(
        f"{name:14} {own:7.4f} {rival:7.4f} {difference.mean():+8.4f} ± {error:.4f} {verdict:6}"
        f" {seconds[:, 0].mean():7.3f} s {seconds[:, 1].mean():7.3f} s"
        f" {seconds[:, 0].mean() / seconds[:, 1].mean():6.2f}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first", type=int, default=0, help="the first of the seeds")
    parser.add_argument("--data", nargs="*", default=[*CLASSES, "diabetes"])
    parser.add_argument("--networks", type=int, default=1)
    parser.add_argument("--set", nargs="*", default=[], help="parameters of minidl's: name=number")
    arguments = parser.parse_args()
    options = {}
    for text in arguments.set:
        key, value = text.split("=")
        options[key] = float(value) if "." in value else int(value)
    warnings.simplefilter("ignore")
    print(f"{'':14} {'minidl':>7} {'rival':>7} {'difference':>8}")
    with confined(1):
        for name in arguments.data:
            seeds = range(arguments.first, arguments.first + arguments.seeds)
            report(name, *measure(name, seeds, arguments.networks, **options))


if __name__ == "__main__":
    main()
