"""Every example runs without a display, reaches what it states, and saves its pictures.

Those that take long run with --quick, and so cannot reach all of it. MINIDL_EXAMPLES=whole runs
them whole, but for the two that take longer than 20 s; MINIDL_EXAMPLES=all runs these too.
"""

import gzip
import os
import re
import runpy
import subprocess
import sys
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
MNIST = Path(os.environ.get("MINIDL_MNIST", ROOT / "../shared/data/mnist"))
packed = partial(gzip.compress, mtime=0)  # the time would be part of the names of tests
SCRIPTS = {path.stem[3:]: path for path in sorted(EXAMPLES.glob("[!_]*.py"))}  # without number
QUICK = {name for name, path in SCRIPTS.items() if "options.quick" in path.read_text("utf-8")}
LONG = {"convolution_on_digits", "language_model"}
MODES = {"quick": QUICK, "whole": QUICK & LONG, "all": set()}  # and what each runs with --quick
SHORTENED = MODES[os.environ.get("MINIDL_EXAMPLES", "quick")]


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Return a function that runs an example as a script and returns the names it defined."""
    plt.switch_backend("agg")
    monkeypatch.syspath_prepend(EXAMPLES)

    def run_example(name, *options):
        script = SCRIPTS[name]
        options = ("--save", str(tmp_path), *options, *["--quick"] * (name in SHORTENED))
        monkeypatch.setattr(sys, "argv", [str(script), *options])
        return runpy.run_path(str(script), run_name="__main__")

    yield run_example
    plt.close("all")


def assert_saved(folder, *names):
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{name}.png" for name in names)
    for path in folder.iterdir():
        height, width, _ = plt.imread(path).shape
        assert min(height, width) >= 300


class TestPerceptronOnBlobs:
    def test_is_right_and_proves_it(self, run, tmp_path, capsys):
        found = run("perceptron_on_blobs")
        assert found["held_out"] >= 0.95
        assert found["against_hand"] < 1e-12
        assert found["relative"] < 1e-7
        assert len(found["watch"].errors) == (6 if found["options"].quick else 150)
        assert max(found["watch"].errors) < 1e-7
        assert 1e-3 < np.median(found["mistaken"].errors) < 1e-1
        assert f"held-out accuracy {found['held_out']:.3f}" in capsys.readouterr().out
        assert_saved(tmp_path, "perceptron_on_blobs")


class TestWhereOneLayerFails:
    def test_fails(self, run, tmp_path, capsys):
        held_out = run("where_one_layer_fails")["held_out"]
        assert held_out["circles"] < 0.6
        assert 0.8 < held_out["moons"] < 0.92
        printed = capsys.readouterr().out
        for name, reached in held_out.items():
            assert f"{name}: held-out accuracy {reached:.3f}" in printed
        assert_saved(tmp_path, "where_one_layer_fails")


class TestOneHiddenLayer:
    def test_learns_circles_and_moons(self, run, tmp_path, capsys):
        found = run("one_hidden_layer")
        assert min(found["held_out"].values()) >= 0.97
        assert [proof.verdict for proof in found["proofs"]] == ["pass", "pass"]
        printed = capsys.readouterr().out
        for name, reached in found["held_out"].items():
            assert f"{name}: held-out accuracy {reached:.3f}" in printed
        assert_saved(tmp_path, "one_hidden_layer", "quickstart")
        assert (tmp_path / "quickstart.png").stat().st_size < 150_000


class TestHowManyHiddenUnits:
    def test_shows_what_the_units_buy(self, run, tmp_path):
        found = run("how_many_hidden_units")
        held_out, training_loss = found["held_out"], found["training_loss"]
        quick = found["options"].quick
        assert list(held_out) == ([1, 2, 3, 16] if quick else [1, 2, 3, 4, 8, 16, 64])
        assert max(held_out[1], held_out[2]) < 0.9
        assert min(reached for units, reached in held_out.items() if units > 2) >= 0.95
        losses = list(training_loss.values())
        assert all(after < before + 0.005 for before, after in pairwise(losses))
        assert_saved(tmp_path, "how_many_hidden_units")


class TestReluAgainstTanh:
    def test_learns_with_both_and_draws_a_polygon_and_a_curve(self, run, tmp_path):
        found = run("relu_against_tanh")
        held_out = found["held_out"]
        assert list(held_out) == ["ReLU", "tanh"]
        assert min(held_out.values()) >= 0.97
        assert_saved(tmp_path, "relu_against_tanh")

        # of the pieces of the boundary, ReLU's turn at a few corners, tanh's everywhere
        straight = {}
        for name, ax in zip(("ReLU", "tanh"), found["axes"], strict=True):
            boundary = ax.collections[0].get_paths()[0].vertices
            pieces = np.diff(boundary, axis=0)
            pieces = pieces[np.linalg.norm(pieces, axis=1) > 1e-3]
            turns = np.diff(np.unwrap(np.arctan2(pieces[:, 1], pieces[:, 0])))
            straight[name] = np.mean(abs(turns) < 1e-3)
        assert straight["ReLU"] > 0.9
        assert straight["tanh"] < 0.2


class TestALayerOfYourOwn:
    def test_is_caught_mended_and_used(self, run, tmp_path, capsys):
        found = run("a_layer_of_your_own")
        assert found["report"].verdict == "fail"
        assert found["report"].findings[0].mistake == "ignores-upstream"
        assert found["mended"].ok
        assert found["held_out"] >= 0.97
        printed = capsys.readouterr().out
        assert "GradientError: PReLU.slope: " in printed
        assert_saved(tmp_path, "a_layer_of_your_own")


class TestWhatDidIGetWrong:
    def test_gets_ten_answers(self, run, tmp_path, capsys):
        reports = run("what_did_i_get_wrong")["reports"]
        answers = {title: report.findings[0].mistake for title, report in reports.items()}
        assert answers == {
            "forgotten batch sum": "not-summed-over-batch",
            "missing 1/N": "constant-factor",
            "transposed weight": "jacobian-transposed",
            "softmax diagonal only": "cross-term-missing",
            "batch-norm terms": "variance-path",
            "ReLU mask": "slope-table",
            "in-place write": "mutates-upstream",
            "stale cache": "stale-cache",
            "border pixel": "wrong-region",
            "clipping in backward": "nonlinear",
        }
        printed = capsys.readouterr().out
        assert all(f"{title}: fail\n" in printed for title in answers)
        assert_saved(tmp_path, "what_did_i_get_wrong")


class TestDigits:
    def test_reads_handwriting(self, run, tmp_path, capsys):
        found = run("digits")
        assert found["held_out"] >= 0.97
        assert found["held_out"] == pytest.approx(1 - len(found["wrong"]) / len(found["y_test"]))
        assert f"held-out accuracy {found['held_out']:.3f}" in capsys.readouterr().out
        assert_saved(tmp_path, "digits", "digits_wrong")


class TestConvolutionOnDigits:
    def test_reads_handwriting_better_than_dense_layers(self, run, tmp_path, capsys):
        found = run("convolution_on_digits")
        assert found["x_test"].shape == (599, 1, 8, 8)
        quick = found["options"].quick
        assert len(found["reached"]) == (1 if quick else 3)
        assert min(found["reached"]) >= (0.95 if quick else 0.985)
        assert found["held_out"] == pytest.approx(1 - len(found["wrong"]) / 599)
        printed = capsys.readouterr().out
        assert f"held-out accuracy {found['held_out']:.4f}" in printed
        pictures = "convolution_on_digits", "convolution_kernels", "convolution_wrong"
        assert_saved(tmp_path, *pictures)

        # moved by one pixel, each digit keeps its label
        images = np.zeros((1, 1, 8, 8))
        images[0, 0, 3, 4] = 1
        copies, labels = found["moved"](images, np.array([7]))
        inked = [(int(row), int(column)) for _, _, row, column in np.argwhere(copies)]
        assert sorted(inked) == [(2, 4), (3, 3), (3, 4), (3, 5), (4, 4)]
        np.testing.assert_array_equal(labels, [7] * 5)

    @pytest.mark.skipif(
        not MNIST.is_dir(), reason="no MNIST files: MINIDL_MNIST names their folder"
    )
    def test_reads_mnist(self, run, tmp_path, capsys):
        """A tenth of the digits and one epoch; all of them and five reach 0.99 in minutes."""
        options = "--data", str(MNIST), "--train", "6000", "--epochs", "1"
        found = run("convolution_on_digits", *options)
        assert found["x_train"].shape == (6000, 1, 28, 28)
        assert found["x_test"].shape == (10_000, 1, 28, 28)
        assert found["held_out"] >= 0.9
        assert f"held-out accuracy {found['held_out']:.4f}" in capsys.readouterr().out
        assert_saved(tmp_path, "convolution_on_digits", "convolution_kernels", "convolution_wrong")


class TestDiabetes:
    def test_is_as_good_as_a_line_and_resists_wrong_targets(self, run, tmp_path, capsys):
        found = run("diabetes")
        r2 = {key: np.mean(scores) for key, scores in found["r2"].items()}
        error = {key: np.mean(errors) for key, errors in found["error"].items()}
        line, squared, huber = found["WAYS"]
        quick = found["options"].quick
        assert all(len(scores) == (2 if quick else 8) for scores in found["r2"].values())
        assert min(r2[way, False] for way in found["WAYS"]) > (0.35 if quick else 0.42)
        assert abs(r2[huber, False] - r2[line, False]) < 0.03
        assert error[huber, True] < error[huber, False] + 6
        assert min(error[squared, True], error[line, True]) > 1.5 * error[huber, True]
        printed = capsys.readouterr().out
        assert f"R² {r2[huber, True]:6.3f}" in printed
        assert_saved(tmp_path, "diabetes")


class TestTimeSeries:
    def test_forecasts_better_than_its_rivals(self, run, tmp_path, capsys):
        found = run("time_series")
        error = found["error"]
        assert list(error) == ["last value", "autoregression", "GRU"]
        assert found["floor"] < error["GRU"][0] < error["autoregression"][0]
        assert error["autoregression"][0] < 0.6 * error["last value"][0]
        if not found["options"].quick:
            assert error["GRU"][0] < 1.5 * found["floor"]
            assert error["GRU"][0] < 0.9 * error["autoregression"][0]
            assert (error["GRU"] < error["autoregression"]).all()
            assert error["GRU"][-1] < 0.7 * error["autoregression"][-1]
        assert f"{error['GRU'][0]:8.3f}" in capsys.readouterr().out
        assert_saved(tmp_path, "time_series")


class TestLanguageModel:
    def test_knows_more_than_how_often_letters_occur(self, run, tmp_path, capsys):
        found = run("language_model")
        assert 2.5 < found["unigram"] < 3.2
        assert found["losses"]["held-out at best"] < 0.8 * found["unigram"]
        assert len(found["sample"]) == len("And God said, Let") + 300
        if not found["options"].quick:
            assert found["losses"]["training"] < 0.35 * found["unigram"]
            words = found["sample"].split()
            assert np.mean([word in found["text"].split() for word in words]) > 0.4
        printed = capsys.readouterr().out
        assert f"unigram entropy {found['unigram']:.2f} nats" in printed
        assert found["sample"] in printed
        assert_saved(tmp_path, "language_model")

    def test_reads_the_whole_chapter(self):
        text = (EXAMPLES / "genesis.txt").read_text(encoding="utf-8")
        assert text.count("\n") == 31
        assert text.count("And the evening and the morning were the") == 6


class TestSklearnPipeline:
    def test_predicts_a_quantile_and_chooses_a_layer(self, run, tmp_path, capsys):
        found = run("sklearn_pipeline")
        assert 0.87 < found["below"] < 0.93
        assert found["model"][-1].n_iter_ < found["network"].max_epochs
        assert found["search"].cv_results_["mean_test_score"].min() > 0.9
        assert "with_leaky: accuracy" in capsys.readouterr().out
        assert_saved(tmp_path, "sklearn_pipeline")


class TestDaskSearch:
    @pytest.mark.filterwarnings("default")  # those of dask
    def test_searches_on_two_workers(self, run, tmp_path):
        pytest.importorskip("distributed")
        found = run("dask_search")
        assert (np.diff(found["scores"]) > 0).all()
        assert found["scores"][-1] > 0.9
        assert_saved(tmp_path, "dask_search")


class TestStepSize:
    def test_finds_the_steps_of_the_theory(self, run, tmp_path):
        found = run("step_size")
        assert 1e-9 < found["best_step"]["one-sided"] < 1e-7
        assert 1e-6 < found["best_step"]["central"] < 1e-4
        assert found["least_error"]["one-sided"] > 1e-9
        assert found["least_error"]["central"] < 1e-10
        assert found["ladder_error"] <= found["ladder_bound"] < 1e-11
        assert_saved(tmp_path, "step_size")


class TestMnist:
    @pytest.mark.skipif(
        not MNIST.is_dir(), reason="no MNIST files: MINIDL_MNIST names their folder"
    )
    def test_reads_a_tenth_of_the_digits_well(self, run, tmp_path, capsys):
        found = run("mnist", "--data", str(MNIST), "--train", "6000", "--epochs", "3")
        assert found["x_train"].shape == (6000, 784)
        assert found["x_test"].shape == (10_000, 784)
        assert found["held_out"] >= 0.93
        assert f"test accuracy {found['held_out']:.4f}" in capsys.readouterr().out
        assert_saved(tmp_path, "mnist", "mnist_wrong")

    def test_downloads_the_digits_without_a_folder(self, run, monkeypatch):
        pixels = np.random.default_rng(0).integers(0, 256, (60_100, 784), dtype=np.uint8)
        labels = np.array([str(number % 10) for number in range(60_100)])
        asked = []

        def fetch_openml(name, **options):
            asked.append(name)
            return pixels, labels

        monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch_openml)
        found = run("mnist", "--train", "100", "--epochs", "1")
        assert asked == ["mnist_784"]
        np.testing.assert_array_equal(found["x_train"], pixels[:100] / np.float32(255))
        np.testing.assert_array_equal(found["y_test"], np.arange(60_000, 60_100) % 10)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"<html>not found</html>", "is damaged: Not a gzipped file"),
            (packed(bytes(100))[:-12], "is damaged"),
            (packed(b"\0\0\x08\x01\0\0\0\x02\1\2"), "is no IDX file of bytes with 3 axes"),
            (packed(b"\0\0\x0d\x03" + bytes(12)), "is no IDX file of bytes with 3 axes"),
            (packed(b"\0\0\x08\x03\0\0"), "is no IDX file of bytes with 3 axes"),
            (
                packed(b"\0\0\x08\x03\0\0\0\x01\0\0\0\x02\0\0\0\x02" + bytes(3)),
                r"should hold \(1, 2, 2\) bytes, but holds 3",
            ),
        ],
    )
    def test_says_what_is_wrong_with_a_broken_file(self, run, tmp_path, content, message):
        (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(content)
        with pytest.raises(ValueError, match=message):
            run("mnist", "--data", str(tmp_path))


def test_every_example_has_a_test():
    tested = {name.removeprefix("Test").lower() for name in globals() if name.startswith("Test")}
    assert {name.replace("_", "") for name in SCRIPTS} == tested


def test_the_examples_are_numbered_and_the_readme_lists_them_in_this_order():
    numbers = [int(path.name[:2]) for path in SCRIPTS.values()]
    assert numbers == list(range(1, 1 + len(numbers)))
    readme = (EXAMPLES / "README.rst").read_text(encoding="utf-8")
    listed = re.findall(r"^- ``(\d.+?\.py)``: ", readme, re.MULTILINE)
    names = [path.name for path in SCRIPTS.values()]
    assert listed == names, f"missing: {', '.join(set(names) - set(listed)) or 'none'}"


@pytest.mark.parametrize("name", SCRIPTS)
def test_is_in_gallery_form(name):
    source = SCRIPTS[name].read_text(encoding="utf-8")
    _, title, underline, *_ = source.splitlines()
    assert source.startswith('"""\n')
    assert underline == "=" * len(title)
    assert source.count("\n# %%\n") >= 2


def test_runs_as_a_script_from_the_root(tmp_path):
    """The command of the README, without a display and with the pictures in a new folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("DISPLAY", None)
    finished = subprocess.run(
        [sys.executable, "examples/02_step_size.py", "--save", str(tmp_path / "new" / "folder")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert not finished.stderr
    assert "central: best step" in finished.stdout
    assert (tmp_path / "new" / "folder" / "step_size.png").is_file()
