"""A run that is stopped, however and wherever, and resumed ends as if it had never been stopped."""

import errno
import logging
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from minidl import (
    SGD,
    Adam,
    BusyError,
    DivergenceError,
    EarlyStopping,
    MeanSquaredError,
    ModelFileError,
    SoftmaxCrossEntropy,
    Steps,
    fit,
)
from minidl.checkpoint.atomic import AtomicFile
from minidl.checkpoint.format import read, serialize
from minidl.training.run import ForwardState
from tests.support.fits import needs_ctrl_c
from tests.support.runs import RUNS, STEPS, X, Y, digest, plain, resume, stochastic, train
from tests.support.scale import Scale

ROOT = Path(__file__).parents[2]
INTENSE = os.environ.get("HYPOTHESIS_PROFILE") == "intense"


class StoppedError(Exception):
    pass


class StopAt:
    """End a run after a step, in one of the ways there are."""

    def __init__(self, step, how="answer"):
        self.step, self.how = step, how

    def on_step(self, run):
        if run.step != self.step:
            return False
        if self.how == "error":
            raise StoppedError
        if self.how == "Ctrl-C":
            signal.raise_signal(signal.SIGINT)
        return self.how == "answer"


def stop(name, folder, step, how="answer", **changes):
    try:
        return train(name, folder, callbacks=[StopAt(step, how)], **changes)
    except StoppedError:
        return None


def path_in(folder):
    return Path(folder, "run.safetensors")


@pytest.mark.parametrize("name", RUNS)
def test_stopped_after_any_step_and_resumed_a_run_ends_with_the_same_bits(name, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    *expected, history = train(name, alone, checkpoint=None)
    expected = digest(*expected, history)
    for step in range(1, len(history.step_loss) + 1):
        stop(name, tmp_path, step, checkpoint_every=9)  # there is one at the end
        *found, resumed = resume(name, tmp_path, checkpoint=None)
        assert digest(*found, resumed) == expected, step
        assert resumed.resumed_from == step
        assert resumed.stopped_by == history.stopped_by


@pytest.mark.parametrize("how", ["answer", "error", pytest.param("Ctrl-C", marks=needs_ctrl_c)])
@pytest.mark.parametrize("every", [1, 2, Steps(3), Steps(50)])
def test_however_a_run_is_stopped_and_how_rare_checkpoints_are(how, every, tmp_path):
    expected = digest(*train("noise", tmp_path, checkpoint=None))
    for step in range(1, STEPS):
        path_in(tmp_path).unlink(missing_ok=True)
        stop("noise", tmp_path, step, how, checkpoint_every=every)
        *found, history = resume("noise", tmp_path, checkpoint=None)
        assert digest(*found, history) == expected
        if how != "error":  # there is a checkpoint at the end of a run that ends by itself
            assert history.resumed_from == step
        else:  # an error of a callback comes before the checkpoint of its step
            period = every if isinstance(every, Steps) else 4 * every
            assert history.resumed_from == (step - 1) // period * period


def test_a_run_may_be_stopped_again_and_again(tmp_path):
    expected = digest(*train("early stopping, too patient", tmp_path, checkpoint=None))
    for step in range(1, STEPS):
        resume("early stopping, too patient", tmp_path, callbacks=[StopAt(step)])
    assert digest(*resume("early stopping, too patient", tmp_path)) == expected


def test_another_process_goes_on_with_the_same_bits(tmp_path):
    expected = digest(*train("noise", tmp_path, checkpoint=None))
    stop("noise", tmp_path, 6)
    command = [sys.executable, "-m", "tests.support.runs", "noise", tmp_path, "3"]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert answer.stdout.split() == ["ready", expected]


def test_killed_at_random_moments_a_run_loses_nothing(tmp_path):
    expected = digest(*train("noise", tmp_path, checkpoint=None, epochs=10))
    command = [sys.executable, "-m", "tests.support.runs", "noise", tmp_path, "10"]
    moment, reached, kills = random.Random(0), [], 200 if INTENSE else 4
    while len(reached) < kills or not any(reached):  # some have to be killed in the midst of it
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout.readline() == "ready\n"  # so the last checkpoint was loaded
            longest = 0.03 * max(1, len(reached) - kills + 2)  # for a slow machine ever longer
            time.sleep(moment.uniform(0, longest))
            process.kill()
            rest, _ = process.communicate()
        if rest:
            assert rest.split() == [expected]
        else:
            reached.append(step_in(tmp_path))
        if rest or reached[-1] == 40:
            path_in(tmp_path).unlink()
        names = {path.name for path in tmp_path.iterdir()}
        assert names <= {"run.safetensors", ".run.safetensors.minidl-tmp"}
    assert digest(*resume("noise", tmp_path, epochs=10)) == expected
    assert not list(tmp_path.glob(".*"))


def step_in(folder):
    """Return after which step the checkpoint was written, 0 without one."""
    if not path_in(folder).exists():
        return 0
    with open(path_in(folder), "rb") as file:
        return read(file, path_in(folder).stat().st_size, "checkpoint")[1]["numbers"]["run.step"]


def test_a_complete_run_is_not_lost_but_gives_its_result_again(tmp_path):
    expected = digest(*train("early stopping, too patient", tmp_path))
    content = path_in(tmp_path).read_bytes()
    assert digest(*resume("early stopping, too patient", tmp_path)) == expected
    assert path_in(tmp_path).read_bytes() == content


def test_more_epochs_go_on_as_if_they_had_been_asked_for_at_once(tmp_path):
    for name in ("noise", "iterable", "regression"):
        expected = digest(*train(name, tmp_path, checkpoint=None, epochs=5))
        train(name, tmp_path, epochs=2)
        assert digest(*resume(name, tmp_path, epochs=5)) == expected


def test_fewer_epochs_than_have_begun_are_refused(tmp_path):
    for step in range(1, STEPS + 1):
        stop("momentum", tmp_path, step, checkpoint_every=9)
        begun = (step + 3) // 4  # of 4 steps each
        for epochs in range(1, begun):
            with pytest.raises(ModelFileError, match=f"epoch {begun}, but epochs={epochs}"):
                resume("momentum", tmp_path, epochs=epochs)


def test_without_a_file_a_run_starts_afresh_and_says_so(tmp_path, caplog):
    *_, history = resume("momentum", tmp_path)
    assert history.resumed_from == 0
    assert "starts afresh" in caplog.text
    assert str(path_in(tmp_path)) in caplog.text
    with caplog.at_level(logging.INFO, "minidl"):
        *_, history = resume("momentum", tmp_path)
    assert history.resumed_from == STEPS
    assert "resumed after step 12" in caplog.text
    *_, history = train("momentum", tmp_path)
    assert history.resumed_from is None


def test_the_seed_that_was_drawn_is_found_in_the_checkpoint(tmp_path):
    *_, first = stop("momentum", tmp_path, 5, seed=None)
    *_, history = resume("momentum", tmp_path, seed=None)
    assert history.seed == first.seed
    assert digest(*train("momentum", tmp_path, seed=first.seed)) == digest(
        *resume("momentum", tmp_path, seed=None)
    )


def test_the_seed_zero_is_one_that_a_run_can_have(tmp_path):
    stop("momentum", tmp_path, 5, seed=0)
    assert resume("momentum", tmp_path, seed=None)[2].seed == 0


@pytest.mark.parametrize("seed", [-1, None, "7", 0.5, True])
def test_the_seed_that_is_found_must_be_one_that_a_run_can_have(seed, tmp_path):
    stop("momentum", tmp_path, 5)
    path = path_in(tmp_path)
    with open(path, "rb") as file:
        nodes, state, arrays = read(file, path.stat().st_size, "checkpoint")
    state["same"]["seed"] = seed
    path.write_bytes(b"".join(serialize("checkpoint", nodes, state, arrays)))
    with pytest.raises(ModelFileError, match="the seed"):
        resume("momentum", tmp_path, seed=None)


def test_whatever_network_and_optimizer_were_before_is_replaced(tmp_path):
    expected = digest(*train("noise", tmp_path, checkpoint=None))
    stop("noise", tmp_path, 5)
    network = stochastic()
    optimizer = Adam(network, 0.05, weight_decay=1e-3)
    fit(network, SoftmaxCrossEntropy(), optimizer, X, Y, epochs=2, batch_size=3)
    assert digest(*resume("noise", tmp_path, network=network, optimizer=optimizer)) == expected


def test_a_memory_map_and_an_array_are_the_same_data(tmp_path):
    stop("memory-map", tmp_path, 6)
    expected = digest(*train("memory-map", tmp_path, checkpoint=None))
    assert digest(*resume("memory-map", tmp_path, x=X)) == expected
    assert digest(*resume("memory-map", tmp_path, x=X.tolist(), y=Y.tolist())) == expected


class Halve:
    def on_epoch(self, run):
        run.optimizer.learning_rate = run.optimizer.learning_rate / 2


@pytest.mark.parametrize("name", ["momentum", "schedules and groups"])
def test_a_learning_rate_that_a_callback_has_set_is_gone_on_with(name, tmp_path):
    expected = digest(*train(name, tmp_path, checkpoint=None, callbacks=[Halve()]))
    train(name, tmp_path, callbacks=[Halve(), StopAt(6)])
    assert digest(*resume(name, tmp_path, callbacks=[Halve()])) == expected


class Counting:
    """A callback of a user's: it begins with nothing, and has a state."""

    def on_begin(self, run):
        self.seen, self.worst, self.sum = 0, float("-inf"), np.zeros(2)

    def on_step(self, run):
        self.seen += 1
        self.worst = max(self.worst, run.history.step_loss[-1])
        self.sum += run.network[-1].bias.value

    def state(self):
        return {"seen": self.seen, "worst": self.worst, "sum": self.sum}

    def restore(self, state):
        vars(self).update(state)


def test_a_callback_with_state_and_restore_goes_on_where_it_was(tmp_path):
    whole, parts = Counting(), Counting()
    train("momentum", tmp_path, checkpoint=None, callbacks=[whole])
    train("momentum", tmp_path, callbacks=[parts, StopAt(5)])
    again = Counting()
    resume("momentum", tmp_path, callbacks=[again])
    assert (again.seen, again.worst, again.sum.tolist()) == (12, whole.worst, whole.sum.tolist())


class Scalars(Counting):
    def state(self):
        numbers = {"seen": np.int64(self.seen), "worst": np.float64(self.worst)}
        return {**numbers, "any": np.bool(True), "sum": self.sum}


def test_numpy_scalars_are_numbers_in_the_state_of_a_callback(tmp_path):
    train("momentum", tmp_path, checkpoint=None, callbacks=[whole := Scalars()])
    train("momentum", tmp_path, callbacks=[Scalars(), StopAt(6)])
    resume("momentum", tmp_path, callbacks=[again := Scalars()])
    assert (again.seen, again.worst, again.any) == (12, whole.worst, True)
    assert again.sum.tolist() == whole.sum.tolist()


class Odd(Counting):
    def state(self):
        return {"seen": self.seen, "odd": {1, 2}}


def test_a_state_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(
        ModelFileError, match=r"callbacks\.0\.odd is \{1, 2\}: numbers, strings and"
    ):
        train("momentum", tmp_path, callbacks=[Odd()])


def test_it_is_shown_what_differs_there_and_here(tmp_path):
    stop("noise", tmp_path, 6)
    optimizer = Adam(network := stochastic(), 0.0625, weight_decay=1e-3)
    with pytest.raises(
        ModelFileError, match=r'"_rate":0\.05,.*… there, .*"_rate":0\.0625,.*… here'
    ):
        resume("noise", tmp_path, network=network, optimizer=optimizer)
    with pytest.raises(ModelFileError, match="another seed: …7… there, …71… here"):
        resume("noise", tmp_path, seed=71)


def test_the_log_says_where_a_run_goes_on(tmp_path, caplog):
    stop("momentum", tmp_path, 6)
    with caplog.at_level(logging.INFO, "minidl"):
        resume("momentum", tmp_path)
    assert "resumed after step 6, in epoch 2" in caplog.text


def state_of(network, optimizer):
    own = {k: v for k, v in vars(optimizer).items() if k not in ("network", "vector")}
    moved = repr((own, ForwardState(network).take()))
    return moved, optimizer.vector.value.tobytes(), optimizer.vector.grad.tobytes()


REFUSED = {
    "another network": ("network", {"network": plain()}),
    "another optimizer": ("optimizer", {"optimizer": lambda n: SGD(n, 0.1)}),
    "another learning rate": ("optimizer", {"optimizer": lambda n: Adam(n, 0.06)}),
    "another loss": (
        "loss",
        {"loss": SoftmaxCrossEntropy(label_smoothing=0.1)},
    ),
    "another seed": ("seed", {"seed": 8}),
    "another row": ("data", {"x": np.where(np.arange(22)[:, None] == 9, 0, X)}),
    "another label": ("data", {"y": np.where(np.arange(22) == 9, 1 - Y, Y)}),
    "fewer samples": ("data", {"x": X[:-1], "y": Y[:-1]}),
    "weights": ("data", {"sample_weight": np.arange(22)}),
    "another batch size": ("data", {"batch_size": 5}),
    "an iterable": ("data", {"x": [(X, Y)] * 4, "y": None, "batch_size": None}),
    "other held-out data": ("validation", {"validation": (X[:8], Y[:8])}),
    "held-out weights": ("validation", {"validation": (X[:9], Y[:9], np.arange(9))}),
    "no held-out data": ("validation", {"validation": None}),
    "other metrics": ("metrics", {"metrics": {}}),
    "another callback": ("callbacks", {"callbacks": [EarlyStopping()]}),
    "fewer epochs": ("epoch 2", {"epochs": 1}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_checkpoint_of_another_run_is_refused_and_nothing_changes(case, tmp_path):
    word, changes = REFUSED[case]
    stop("noise", tmp_path, 6)
    content = path_in(tmp_path).read_bytes()
    network = changes.get("network") or stochastic()
    rule = changes.get("optimizer") or (lambda n: Adam(n, 0.05, weight_decay=1e-3))
    optimizer = rule(network)
    optimizer.vector.grad[:] = 1
    before = state_of(network, optimizer)
    given = {**changes, "network": network, "optimizer": optimizer}
    with pytest.raises(ModelFileError, match=word) as caught:
        resume("noise", tmp_path, **given)
    assert str(caught.value).startswith(str(path_in(tmp_path)))
    assert state_of(network, optimizer) == before
    assert path_in(tmp_path).read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == ["run.safetensors"]


class SquareError(MeanSquaredError):
    config = None


class OtherError(SquareError):
    pass


def test_a_loss_that_does_not_say_what_it_is_made_of_is_compared_by_its_class(tmp_path):
    stop("regression", tmp_path, 5, loss=SquareError())
    with pytest.raises(ModelFileError, match=r"another loss: .*SquareError.* there, .*OtherError"):
        resume("regression", tmp_path, loss=OtherError())
    assert resume("regression", tmp_path, loss=SquareError())[2].resumed_from == 5


def test_a_damaged_checkpoint_is_refused_wherever_the_damage_is(tmp_path):
    stop("noise", tmp_path, 6)
    content = path_in(tmp_path).read_bytes()
    network = stochastic()
    optimizer = Adam(network, 0.05, weight_decay=1e-3)
    before = state_of(network, optimizer)
    draw = random.Random(0)
    for _ in range(1000 if INTENSE else 40):
        place = draw.randrange(len(content))
        damaged = bytearray(content)
        damaged[place] ^= 1 << draw.randrange(8)
        for wrong in (damaged, content[:place]):
            path_in(tmp_path).write_bytes(wrong)
            with pytest.raises(ModelFileError):
                resume("noise", tmp_path, network=network, optimizer=optimizer)
    assert state_of(network, optimizer) == before


def changed(state, arrays):
    """Yield states and arrays that no run can have, each with the right digest."""
    numbers = state["numbers"]
    values = [
        *((f"run.{name}", (-1, 2.0, True, None, "1", {})) for name in ("epoch", "step", "batch")),
        *((f"run.{name}", (-1, 2.0, True, None, "1", {})) for name in ("count", "steps_per_epoch")),
        ("run.step", (5,)),
        ("optimizer.steps", (-1, True)),
        ("optimizer.beta1", ({"float": "1.5"}, {"float": "nan"}, {"float": 1}, 1, {})),
        ("optimizer._rate", ({"float": "-1"}, "1", {})),
        ("optimizer.vector", (1, None)),
        ("more", (1,)),
    ]
    for name, others in values:
        for value in others:
            yield {**state, "numbers": {**numbers, name: value}}, arrays
    generator = None
    for name in numbers:
        if not name.startswith(("callbacks.", "optimizer._rate")):
            yield {**state, "numbers": {k: v for k, v in numbers.items() if k != name}}, arrays
        if isinstance(numbers[name], dict) and "bit_generator" in numbers[name]:
            generator = name
            yield {**state, "numbers": {**numbers, name: {"bit_generator": "PCG64"}}}, arrays
    assert generator
    yield {**state, "more": {}}, arrays
    yield {**state, "same": {}}, arrays
    for name in arrays:
        yield state, {key: array for key, array in arrays.items() if key != name}
        other = np.float32 if arrays[name].dtype == np.float64 else np.float64
        yield state, {**arrays, name: arrays[name].astype(other)}
        yield state, {**arrays, name: np.zeros((2, *arrays[name].shape))}
        if name.startswith("run."):
            yield state, {**arrays, name: arrays[name] - 0.5}
    yield state, {**arrays, "optimizer.network": np.zeros(2)}


def test_a_checkpoint_with_the_right_digest_that_no_run_has_written_is_refused(tmp_path):
    stop("noise", tmp_path, 6)
    path = path_in(tmp_path)
    with open(path, "rb") as file:
        nodes, state, arrays = read(file, path.stat().st_size, "checkpoint")
    network = stochastic()
    optimizer = Adam(network, 0.05, weight_decay=1e-3)
    before = state_of(network, optimizer)
    for other, others in changed(state, arrays):
        path.write_bytes(b"".join(serialize("checkpoint", nodes, other, others)))
        with pytest.raises(ModelFileError):
            resume("noise", tmp_path, network=network, optimizer=optimizer)
        assert state_of(network, optimizer) == before


def test_the_state_of_a_callback_must_be_one_that_it_has_written(tmp_path):
    stop("early stopping", tmp_path, 4)
    path = path_in(tmp_path)
    with open(path, "rb") as file:
        nodes, state, arrays = read(file, path.stat().st_size, "checkpoint")
    own = {k: v for k, v in state["numbers"].items() if k.startswith("callbacks.")}
    rest = {k: v for k, v in state["numbers"].items() if k not in own}
    best = {**own, "callbacks.0.best": {"float": 1}}
    for wrong in ({}, best):
        content = serialize("checkpoint", nodes, {**state, "numbers": rest | wrong}, arrays)
        path.write_bytes(b"".join(content))
        network = stochastic()
        optimizer = Adam(network, 0.3)
        before = state_of(network, optimizer)
        with pytest.raises(ModelFileError):
            resume("early stopping", tmp_path, network=network, optimizer=optimizer)
        assert state_of(network, optimizer) == before


def test_a_second_run_fails_at_its_door_as_long_as_the_first_lasts(tmp_path):
    class Second:
        def on_step(self, run):
            network = plain()
            weights = network[0].weight.value.copy()
            with pytest.raises(BusyError):
                resume("momentum", tmp_path, network=network)
            assert (network[0].weight.value == weights).all()

    train("momentum", tmp_path, callbacks=[Second()])
    resume("momentum", tmp_path)  # the lock is given back


def test_after_a_divergence_the_last_checkpoint_is_there(tmp_path):
    class Explode:
        def on_gradients(self, run):
            if run.step == 6:
                run.optimizer.vector.grad[:] = np.inf

    with pytest.raises(DivergenceError):
        train("momentum", tmp_path, callbacks=[Explode()])
    *_, history = resume("momentum", tmp_path)
    assert history.resumed_from == 6
    assert digest(*resume("momentum", tmp_path)) == digest(*train("momentum", tmp_path))


def test_a_checkpoint_that_cannot_be_written_ends_the_run_and_leaves_the_last(
    tmp_path, monkeypatch
):
    def full(file, chunks):
        raise OSError(errno.ENOSPC, "No space left on device")

    class Fill:
        def on_step(self, run):
            if run.step == 7:
                monkeypatch.setattr(AtomicFile, "write", full)

    expected = digest(*train("noise", tmp_path, checkpoint=None))
    with pytest.raises(OSError, match="No space"):
        train("noise", tmp_path, callbacks=[Fill()])
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["run.safetensors"]
    *found, history = resume("noise", tmp_path)
    assert history.resumed_from == 6
    assert digest(*found, history) == expected


def test_what_cannot_be_written_is_refused_before_the_first_step(tmp_path):
    network = Scale(3)
    with pytest.raises(ModelFileError, match="config"):
        fit(
            network, MeanSquaredError(), SGD(network, 0.1), X, X,
            epochs=1, batch_size=4, checkpoint=path_in(tmp_path),
        )  # fmt: skip
    with pytest.raises(ModelFileError, match="_rate"):
        train("momentum", tmp_path, network=(n := plain()), optimizer=SGD(n, lambda step: 0.1))
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_compared_is_refused_with_the_path_to_go_on_from(tmp_path):
    stop("momentum", tmp_path, 5)
    for own in (None, tmp_path / "another"):
        with pytest.raises(ModelFileError, match=f"^{path_in(tmp_path)}: Scale does not say"):
            resume("momentum", tmp_path, network=Scale(3), checkpoint=own)


def test_an_optimizer_with_state_that_cannot_be_written_is_refused(tmp_path):
    class Noisy(SGD):
        def __init__(self, network):
            super().__init__(network, 0.1)
            self.rng = np.random.default_rng(0)

    network = plain()
    with pytest.raises(ModelFileError, match=r"Noisy\.rng"):
        train("momentum", tmp_path, network=network, optimizer=Noisy(network))


@pytest.mark.parametrize("every", [0, -1, 1.5, True, "1"])
def test_checkpoint_every_is_a_positive_number_of_epochs_or_steps(every, tmp_path):
    with pytest.raises((ValueError, TypeError), match="checkpoint_every"):
        train("momentum", tmp_path, checkpoint_every=every)
    assert not list(tmp_path.iterdir())


def test_writing_checkpoints_changes_no_bit(tmp_path):
    alone = digest(*train("noise", tmp_path, checkpoint=None))
    assert digest(*train("noise", tmp_path)) == alone


def test_a_checkpoint_is_no_model_and_a_model_no_checkpoint(tmp_path):
    from minidl import load, save

    train("momentum", tmp_path)
    with pytest.raises(ModelFileError, match="format 'checkpoint'"):
        load(path_in(tmp_path))
    save(plain(), path_in(tmp_path))
    with pytest.raises(ModelFileError, match="format 'model'"):
        resume("momentum", tmp_path)


def test_any_reader_of_safetensors_opens_a_checkpoint(tmp_path):
    load_file = pytest.importorskip("safetensors.numpy").load_file
    _, optimizer, history = train("noise", tmp_path)
    arrays = load_file(path_in(tmp_path))
    assert (arrays["optimizer.mean"] == optimizer.mean).all()
    bits = arrays["run.step_loss"].astype(np.uint32)  # of each number its two halves
    assert bits.view(np.float64).tolist() == history.step_loss


def test_numbers_that_are_not_finite_are_never_in_a_checkpoint(tmp_path):
    class Spoil:
        def on_step(self, run):
            if run.step == 6:
                run.optimizer.vector.value[0] = np.nan
            if run.step == 8:
                run.optimizer.mean[0] = np.inf

    with pytest.raises(DivergenceError):
        train("noise", tmp_path, callbacks=[Spoil()])
    *_, history = resume("noise", tmp_path)
    assert history.resumed_from == 5
