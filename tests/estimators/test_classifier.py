"""The classifier: its targets, losses and weights of classes."""

import numpy as np
import pytest

import minidl as m

pytest.importorskip("sklearn")

from sklearn.datasets import load_digits, make_moons
from sklearn.model_selection import train_test_split

from minidl.estimators import NeuralNetClassifier
from tests.support.estimators import IRIS, classifier, network


def test_reads_digits():
    parts = train_test_split(*load_digits(return_X_y=True), random_state=0)
    model = NeuralNetClassifier(max_epochs=20, random_state=0).fit(parts[0], parts[2])
    assert model.score(parts[1], parts[3]) > 0.95


@pytest.mark.parametrize(
    "loss", [m.MeanSquaredError(), m.Huber(), m.SigmoidCrossEntropy(), m.Hinge()], ids=repr
)
@pytest.mark.parametrize("classes", [2, 3])
def test_classes_are_learnt_with_any_loss(loss, classes):
    """A loss by element gets a column for each class."""
    x, y = IRIS[0][: 50 * classes], IRIS[1][: 50 * classes]
    model = classifier(loss=loss).fit(x, np.array(["a", "b", "c"])[y])
    assert model.score(x, np.array(["a", "b", "c"])[y]) > 0.93
    np.testing.assert_allclose(model.predict_proba(x).sum(axis=1), 1)


def test_a_class_that_counts_more_is_predicted_more():
    x, y = make_moons(200, noise=0.4, random_state=0)
    even = classifier().fit(x, y).predict(x).mean()
    assert classifier(class_weight={0: 1, 1: 10}).fit(x, y).predict(x).mean() > even + 0.1
    assert classifier().fit(x, y, np.where(y, 10, 1)).predict(x).mean() > even + 0.1


def test_two_classes_have_any_names():
    x, y = make_moons(100, random_state=0)
    names = np.array(["no", "yes"])[y]
    model = classifier().fit(x, names)
    scores, probabilities = model.decision_function(x), model.predict_proba(x)
    assert scores.shape == (100,)
    np.testing.assert_array_equal(model.predict(x), np.where(scores > 0, "yes", "no"))
    np.testing.assert_allclose(probabilities[:, 1], 1 / (1 + np.exp(-scores)), rtol=1e-5)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(x)), probabilities, rtol=1e-5)


def test_two_outputs_serve_two_classes_too():
    x, y = make_moons(100, random_state=0)
    model = classifier(module=network(2, 2)).fit(x, y)
    assert model.predict_proba(x).shape == (100, 2)
    assert model.decision_function(x).shape == (100,)
    assert model.score(x, y) > 0.8


def test_a_sample_may_have_several_labels():
    x, y = IRIS
    labels = np.stack([y == 0, y > 0, y == 2], axis=1).astype(int)
    model = classifier(max_epochs=60).fit(x, labels)
    assert model.score(x, labels) > 0.9
    assert model.predict_proba(x).shape == (150, 3)
