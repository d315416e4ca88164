"""No malformed or hostile file is loaded: one exception, quickly and without effect."""

import io
import os
import socket
import sys
import time
import tracemalloc

import numpy as np
import pytest

from minidl import ModelFileError, ReLU, Sequential, load, save
from minidl.checkpoint.architecture import VOCABULARY, build
from minidl.checkpoint.format import read, serialize
from tests.corpus.hostile import hostile_files
from tests.support.models import LONG, Scale, lay_out, network, parts, seal

EVENTS = None
"""What the interpreter reports while this is a list: opened files, imports, code, sockets."""


def _hook(event, arguments):
    if EVENTS is not None:
        EVENTS.append((event, arguments))


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    path = tmp_path_factory.mktemp("valid") / "model"
    save(network(), path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def files(valid):
    return list(hostile_files(valid))


def test_the_files_made_by_hand_are_right_but_for_what_is_wrong_with_them(valid, tmp_path):
    again = seal(*parts(valid))
    assert again == valid
    (tmp_path / "model").write_bytes(again)
    assert isinstance(load(tmp_path / "model"), Sequential)


def test_there_are_more_than_500_hostile_files(files):
    assert len(files) > 500
    assert len({content for _, content in files}) == len(files)


def test_no_hostile_file_is_loaded(files, tmp_path):
    path, accepted, others = tmp_path / "model", [], []
    for name, content in files:
        path.write_bytes(content)
        try:
            load(path)
        except ModelFileError as error:
            text = str(error)
            reason = text.removeprefix(f"{path}: ")
            if reason == text or len(text) > 2000 or reason.split(": ")[-1] in ("", "None"):
                others.append((name, text[:200]))
        except Exception as error:
            others.append((name, repr(error)))
        else:
            accepted.append(name)
    assert accepted == []
    assert others == []


def test_a_hostile_file_has_no_effect_but_that_it_is_read(files, valid, tmp_path):
    global EVENTS
    sys.addaudithook(_hook)
    path = tmp_path / "model"
    path.write_bytes(valid)
    load(path)  # imports what loading needs
    found = set()
    for _, content in [("valid", valid), *(files if LONG else files[::3])]:
        path.write_bytes(content)
        EVENTS = []
        try:
            load(path)
        except ModelFileError:
            pass
        finally:
            events, EVENTS = EVENTS, None
        for event, arguments in events:
            if event == "open":
                assert arguments[0] == str(path) or type(arguments[0]) is int
            elif event == "compile":  # that is how inspect reads the signature of a built-in
                assert arguments[0].startswith(b"def foo(")
            else:
                found.add(event)
    assert found <= {"builtins.id", "object.__getattr__", "sys._getframe"}
    assert os.listdir(tmp_path) == ["model"]


def test_a_hostile_file_takes_little_time_and_memory(files, tmp_path):
    path, slow, large = tmp_path / "model", [], []
    load_once(path, files[0][1])
    for name, content in files if LONG else [*files[::9], *files[-400::3]]:
        path.write_bytes(content)
        begin = time.perf_counter()
        tracemalloc.start()
        load_once(path, None)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        if time.perf_counter() - begin > 5:
            slow.append(name)
        if peak > 64 * 2**20 + 4 * len(content):
            large.append((name, peak))
    assert slow == []
    assert large == []


def load_once(path, content):
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelFileError):
        load(path)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such files there")
def test_what_is_no_plain_file_is_refused_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "ring").symlink_to(tmp_path / "ring")
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    (tmp_path / "zeros").symlink_to("/dev/zero")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "socket"))
    for name in ("pipe", "folder", "ring", "nowhere", "zeros", "socket", "missing", "a" * 300):
        with pytest.raises(ModelFileError, match=f"^{tmp_path / name}: "):
            load(tmp_path / name)
    for name in ("pipe", "folder", "zeros"):
        with pytest.raises(ModelFileError, match=r": is no plain file$"):
            load(tmp_path / name)
    for name in ("/dev/zero", "/dev/null", "/dev/tty", "/proc/self", "/proc/self/mem"):
        with pytest.raises(ModelFileError, match=f"^{name}: "):
            load(name)
    server.close()


def test_what_is_no_path_is_refused():
    with pytest.raises(TypeError, match="path"):
        load(3)
    with pytest.raises(TypeError, match="path"):
        load(None)
    with pytest.raises(ModelFileError, match="null"):
        load("a\0b")


def test_another_version_is_named_and_so_is_the_one_that_is_read(valid, tmp_path):
    header, data = parts(valid)
    header["__metadata__"]["version"] = "7"
    header["__metadata__"]["more"] = "what a later minidl may need"
    (tmp_path / "model").write_bytes(seal(header, data))
    with pytest.raises(ModelFileError, match="version '7', but this minidl reads version '1'"):
        load(tmp_path / "model")


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    own = network()
    own[0].weight.value[1, 1] = np.nan
    with pytest.raises(ModelFileError, match=r"layers.0.weight holds numbers that are not finite"):
        save(own, tmp_path / "model")
    own[0].weight.value[1, 1] = 0
    own[1].running_mean.value[0] = -np.inf
    with pytest.raises(ModelFileError, match=r"layers.1.running_mean"):
        save(own, tmp_path / "model")
    assert os.listdir(tmp_path) == []


def test_weights_that_are_not_finite_are_not_loaded(tmp_path):
    save(network(), tmp_path / "model")
    header, data = parts((tmp_path / "model").read_bytes())
    begin, _ = header["layers.1.bias"]["data_offsets"]
    spoilt = data[:begin] + np.array(-np.inf, "<f4").tobytes() + data[begin + 4 :]
    (tmp_path / "model").write_bytes(seal(header, spoilt))
    with pytest.raises(ModelFileError, match=r"layers\.1\.bias holds numbers that are not finite"):
        load(tmp_path / "model")


def test_a_header_is_as_long_as_is_promised_and_no_longer():
    empty = b"".join(serialize("model", "", {}, {}))
    text = "a" * (2**20 - (len(empty) - 8) // 8 * 8)
    while len(content := b"".join(serialize("model", text, {}, {}))) > 2**20 + 8:
        text = text[:-1]
    assert len(content) == 2**20 + 8  # these 8 bytes are its length
    assert read(io.BytesIO(content), len(content), "model") == (text, {}, {})
    with pytest.raises(ValueError, match="the header takes 1048584 bytes, more than 1048576"):
        serialize("model", text + "a" * 8, {}, {})


def test_a_dtype_that_the_format_does_not_have_is_refused_by_name():
    with pytest.raises(ValueError, match="gain of dtype float16 cannot be saved: float32 and"):
        serialize("model", "", {}, {"gain": np.ones(2, np.float16)})


def test_a_file_with_arrays_in_half_precision_is_refused_with_the_dtypes_to_take(tmp_path):
    save(Scale(2), tmp_path / "model")
    header, data = parts((tmp_path / "model").read_bytes())
    header["gain"]["dtype"] = "F16"
    (tmp_path / "model").write_bytes(seal(*lay_out(header)[:1], data[:4]))
    with pytest.raises(ModelFileError, match="gain is float16: networks are float32 or float64"):
        load(tmp_path / "model", layers={"Scale": Scale})


def test_layers_may_be_nested_as_deep_as_is_promised_and_no_deeper(tmp_path):
    nested = ReLU()
    for _ in range(32):
        nested = Sequential(nested)
    save(nested, tmp_path / "model")
    inside = load(tmp_path / "model")
    for _ in range(32):
        (inside,) = inside
    assert isinstance(inside, ReLU)
    with pytest.raises(ModelFileError, match="more than 32 deep"):
        save(Sequential(nested), tmp_path / "deeper")
    header, data = parts((tmp_path / "model").read_bytes())
    nodes = header["__metadata__"]["architecture"]["nodes"]
    nodes.append(holding(len(nodes) - 1))
    (tmp_path / "deeper").write_bytes(seal(header, data))
    with pytest.raises(ModelFileError, match="nested too deep"):
        load(tmp_path / "deeper")


def test_layers_may_stand_at_as_many_places_as_is_promised_and_no_more():
    relu = {"class": "ReLU", "config": {}}

    def network_of(more):
        return [relu, holding(*[0] * 300), holding(*[1] * 332, *[0] * more)]

    build(network_of(67), VOCABULARY, 0)  # 1 + 332 · (1 + 300) + 67 = 100,000
    with pytest.raises(ValueError, match="stand too often"):
        build(network_of(68), VOCABULARY, 0)


def holding(*children):
    return {"class": "Sequential", "config": {"layers": [{"node": child} for child in children]}}


class Unsaid(Scale):
    config = None


class Drawn(Unsaid):
    def __init__(self, features, weight_initializer=None, rng=None, dtype=np.float32):
        super().__init__(features)


class Square(Scale):
    def __init__(self, features, power=2.0):
        super().__init__(features)
        self.power = power


def made(kind, **attributes):
    layer = kind(2)
    vars(layer).update(attributes)
    return layer


def test_a_layer_that_does_not_say_its_configuration_is_told_what_to_write(tmp_path):
    for kind in (Unsaid, Drawn):
        with pytest.raises(ModelFileError, match=r"add the line `config = \('features',\)`"):
            save(Sequential(kind(2)), tmp_path / "model")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (made(Scale, features=np.float32(2)), r"Scale.features is np.float32\(2.0\), which cannot"),
        (made(Scale, features=[1, 2]), "cannot be saved"),
        (made(Scale, features={"a": 1}), "cannot be saved"),
        (made(Scale, features=print), "cannot be saved"),
        (made(Scale, features=float("nan")), "cannot be saved"),
        (made(Scale, features=2**64), "cannot be saved"),
        (made(Scale, features=3), "the file has|described"),
        (made(Scale, features="two"), "node 0: Scale: "),
        (made(Scale, rng=np.random.RandomState(0)), "default_rng can"),
        (type("Dense", (Scale,), {})(2), "two classes of the name Dense"),
        (Sequential(type("A", (Scale,), {})(2), type("A", (Scale,), {})(2)), "two classes"),
        (type("Odd", (Scale,), {"config": ("gone",)})(2), "names 'gone' in its config"),
        (type("Needy", (Square,), {"config": ("power",)})(2), "missing 1 required"),
    ],
)
def test_what_cannot_be_loaded_again_is_not_saved(layer, message, tmp_path):
    with pytest.raises(ModelFileError, match=message) as caught:
        save(layer, tmp_path / "model")
    assert str(caught.value).startswith(f"{tmp_path / 'model'}: ")
    assert os.listdir(tmp_path) == []


def test_nothing_but_a_layer_is_saved(tmp_path):
    for thing in (None, 3, [Scale(2)], Scale, {"a": Scale(2)}):
        with pytest.raises(TypeError, match="layer"):
            save(thing, tmp_path / "model")


def test_classes_of_your_own_must_be_given_by_the_name_that_they_were_saved_with(tmp_path):
    path = tmp_path / "model"
    save(Scale(2), path)
    with pytest.raises(ModelFileError, match="'Scale' is no layer of minidl"):
        load(path)
    with pytest.raises(ModelFileError, match="'Scale' is no layer of minidl"):
        load(path, layers={"Gain": Scale})
    for layers in ({"Scale": Scale(2)}, {"Scale": dict}, {"Scale": "Scale"}, {"Scale": Unsaid}):
        with pytest.raises(TypeError, match="must be a layer's class with a config"):
            load(path, layers=layers)
    with pytest.raises(ValueError, match="'Dense' is a layer of minidl"):
        load(path, layers={"Dense": Scale})
    with pytest.raises(TypeError):
        load(path, layers=[Scale])
