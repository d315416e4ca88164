"""Estimators in files: what comes back, and what is refused."""

import pickle

import numpy as np
import pytest

import minidl as m

pytest.importorskip("sklearn")

from sklearn.base import clone

from minidl.checkpoint.format import read, serialize
from minidl.estimators import NeuralNetClassifier, NeuralNetRegressor
from tests.support.estimators import IRIS, classifier, network, regressor


@pytest.mark.parametrize("names", [np.arange(3), np.array(["a", "b", "c"]), np.arange(3) / 2])
def test_a_classifier_comes_back_the_same(tmp_path, names):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(IRIS[0], columns=["a", "b", "c", "d"])
    if names.dtype.kind == "f":
        names = names.astype(str).astype(object)
    model = classifier(hidden=(6, 5), batch_norm=True, dropout=0.1).fit(frame, names[IRIS[1]])
    model.save(tmp_path / "model")
    loaded = NeuralNetClassifier.load(tmp_path / "model")
    assert loaded.get_params() == model.get_params()
    assert list(loaded.feature_names_in_) == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(loaded.predict(frame), model.predict(frame))
    np.testing.assert_array_equal(loaded.predict_proba(frame), model.predict_proba(frame))
    assert loaded.partial_fit(frame, names[IRIS[1]]).score(frame, names[IRIS[1]]) > 0.8


@pytest.mark.parametrize("columns", [1, 2])
def test_a_regressor_comes_back_the_same(tmp_path, columns):
    x, y = IRIS[0][:, :3], IRIS[0][:, 3] if columns == 1 else IRIS[0][:, 2:]
    model = regressor().fit(x, y)
    model.save(tmp_path / "model")
    loaded = NeuralNetRegressor.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))


def test_parameters_come_back(tmp_path):
    options = {
        "hidden": [6, np.int64(5)],
        "activation": m.LeakyReLU(0.2),
        "loss": m.Hinge(),
        "learning_rate": np.float64(0.02),
        "class_weight": {0: 1.0, np.int64(1): 2.0, 2: 1},
        "dtype": np.float32,
    }
    classifier(**options).fit(*IRIS).save(tmp_path / "model")
    loaded = NeuralNetClassifier.load(tmp_path / "model")
    assert loaded.hidden == (6, 5)
    assert (repr(loaded.activation), repr(loaded.loss)) == ("LeakyReLU(0.2)", "Hinge()")
    assert (loaded.learning_rate, loaded.dtype) == (0.02, "float32")
    assert loaded.class_weight == {0: 1, 1: 2, 2: 1}
    again = loaded.fit(*IRIS).predict_proba(IRIS[0])
    np.testing.assert_array_equal(again, classifier(**options).fit(*IRIS).predict_proba(IRIS[0]))


def test_a_template_comes_back_with_its_weights(tmp_path):
    model = classifier(module=network(4, 3), max_epochs=2).fit(*IRIS)
    model.save(tmp_path / "model")
    loaded = NeuralNetClassifier.load(tmp_path / "model")
    right = model.predict_proba(IRIS[0])
    np.testing.assert_array_equal(loaded.predict_proba(IRIS[0]), right)
    np.testing.assert_array_equal(loaded.fit(*IRIS).predict_proba(IRIS[0]), right)


def test_a_loss_of_the_users_own_comes_back_if_its_class_is_given(tmp_path):
    class Power(m.losses.ElementwiseLoss):
        config = ("p",)

        def __init__(self, p):
            self.p = p

        def terms(self, z, t):
            d = np.abs(z - t)
            return d**self.p, self.p * np.sign(z - t) * d ** (self.p - 1)

    x, y = IRIS[0][:, :3], IRIS[0][:, 3]
    model = regressor(loss=Power(1.5), max_epochs=2).fit(x, y)
    model.save(tmp_path / "model")
    with pytest.raises(m.ModelFileError, match="'Power' is no layer of minidl"):
        NeuralNetRegressor.load(tmp_path / "model")
    loaded = NeuralNetRegressor.load(tmp_path / "model", layers={"Power": Power})
    assert loaded.loss.p == 1.5
    np.testing.assert_array_equal(loaded.fit(x, y).predict(x), model.predict(x))


def test_what_cannot_be_saved_has_its_default(tmp_path):
    class Quiet(m.MeanSquaredError):
        config = None  # it does not say what it is made of

        def __init__(self, q):
            self.q = q

    x, y = IRIS[0][:, :3], IRIS[0][:, 3]
    model = regressor(module=network, loss=Quiet(0.5), validation=(x, y)).fit(x, y)
    model.save(tmp_path / "model")
    loaded = NeuralNetRegressor.load(tmp_path / "model")
    assert (loaded.module, loaded.validation, loaded.loss) == (None, None, None)
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "model"
    m.save(network(4, 3), path)
    with pytest.raises(m.ModelFileError, match="of the format 'model'"):
        NeuralNetClassifier.load(path)
    classifier().fit(*IRIS).save(path)
    with pytest.raises(m.ModelFileError, match="NeuralNetRegressor"):
        NeuralNetRegressor.load(path)
    data = path.read_bytes()
    path.write_bytes(data[:-5] + b"\0" + data[-4:])
    with pytest.raises(m.ModelFileError):
        NeuralNetClassifier.load(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made["targets"].update(classes=[0, 1]),
        lambda made: made["targets"].update(classes=[0, 2, 1]),
        lambda made: made["targets"].update(classes=["0", "1", "2"]),
        lambda made: made["targets"].update(dtype="nonsense"),
        lambda made: made["targets"].update(multilabel=1),
        lambda made: made["targets"].update(more=1),
        lambda made: made["parameters"].update(more=1),
        lambda made: made["parameters"].update(module={}),
        lambda made: made["parameters"].update(class_weight={"items": [1]}),
        lambda made: made["parameters"].update(class_weight={"items": [[{}, 1]]}),
        lambda made: made["parameters"].update(loss={"layer": {}, "state": {}}),
        lambda made: made["parameters"].update(
            loss={
                "layer": {"nodes": [{"class": "Evil", "config": {}}], "shared": {}},
                "state": {"generators": {}},
            }
        ),
        lambda made: made["parameters"].update(dtype="int8"),
        lambda made: made.update(features=[5, []]),
        lambda made: made.update(features=[True, []]),
        lambda made: made.update(features=[2**60, []]),
        lambda made: made.update(features=[4, ["a"]]),
        lambda made: made.update(features=[4, [1, 2, 3, 4]]),
    ],
)
@pytest.mark.parametrize("scale", [True, False])
def test_what_cannot_be_is_refused(tmp_path, change, scale):
    """The file is whole, but what it says is wrong."""
    classifier(scale=scale, max_epochs=1).fit(*IRIS).save(tmp_path / "model")
    size = (tmp_path / "model").stat().st_size
    with open(tmp_path / "model", "rb") as file:
        architecture, state, arrays = read(file, size, "estimator")
    change(architecture["estimator"])
    buffers = serialize("estimator", architecture, state, arrays)
    (tmp_path / "model").write_bytes(b"".join(buffers))
    with pytest.raises(m.ModelFileError, match="model"):
        NeuralNetClassifier.load(tmp_path / "model")


def test_pickle_and_clone():
    model = classifier(module=network(4, 3)).fit(*IRIS)
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.predict(IRIS[0]), model.predict(IRIS[0]))
    assert not hasattr(clone(model), "network_")
