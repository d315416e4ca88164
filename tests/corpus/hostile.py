"""A generator of files that are almost right: from one valid file, each with one thing wrong.

Where it can be, the digest is right and the JSON canonical, so that what is wrong is found out by
the rule that is meant for it. Nothing here is a valid file of another model.
"""

# ruff: noqa: B023 (the functions are called at once)
import copy
import io
import json
import pickle
import zipfile

import numpy as np

from tests.support.models import dense_json, lay_out, parts, raw_file, seal

ANYTHING = [None, True, 0.5, -1, "x", "", [], [[]], {}, {"a": 1}, 10**30]
NAMES = [
    "Layer", "Parameter", "os.system", "builtins.eval", "__import__", "__class__", "dense",
    "Dense ", "minidl.Dense", "../Dense", "http://example.org/Dense", "Dense\x00", "", "ReLU\n",
    "Optimizer", "SGD", "History", "fit", "load", "é", "Scale", "_Pool2D", "Chain", "Branches",
]  # fmt: skip


def hostile_files(valid):
    """Yield pairs (what is wrong, bytes)."""
    seen = {valid}
    for name, content in _all(valid):
        if content not in seen:
            seen.add(content)
            yield name, content


def _all(valid):
    yield from _whole_files(valid)
    yield from _spellings(valid)
    yield from _metadata(valid)
    yield from _tensors(valid)
    yield from _architecture(valid)
    yield from _state(valid)


def _changed(valid, change, data=None, rewrite=None):
    header, own = parts(valid)
    change(header)
    return seal(header, own if data is None else data, rewrite)


def _whole_files(valid):
    header, data = valid[: 8 + int.from_bytes(valid[:8], "little")], parts(valid)[1]
    yield "empty", b""
    for size in (1, 7, 8, 9, len(header) - 1, len(header), len(header) + 1, len(valid) - 1):
        yield f"cut to {size} bytes", valid[:size]
    for tail in (b"\0", b" ", b"{}", data, valid):
        yield f"followed by {len(tail)} bytes", valid + tail
    yield "without the length", valid[8:]
    yield "with zeros before", b"\0" * 8 + valid
    for length in (0, 1, 7, 8, 2**20, 2**20 + 8, 2**31, 2**32, 2**63, 2**64 - 1, len(valid)):
        yield f"a header of {length} bytes", length.to_bytes(8, "little") + valid[8:]
        yield f"only a length of {length}", length.to_bytes(8, "little")
    for text in (
        b"", b"{}", b"[]", b"null", b"0", b'""', b'"__metadata__"', b"{", b"}", b"nonsense", b"\0",
        b'{"__metadata__":null}', b'{"__metadata__":{}}', b'{"__metadata__":[]}', b"NaN", b"\xff",
        b'{"__metadata__":{"format":"pt"}}', "\ufeff{}".encode(), "{}".encode("utf-16"),
        b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5000, b"9" * 100_000, b"[" + b"0," * 400_000,
        b'{"__metadata__":' + b"[" * 400_000, b'"\\ud800"', b"1e999", b"-0", b"[]" * 1000,
    ):  # fmt: skip
        yield f"the header {text[:20]!r} of {len(text)} bytes", raw_file(text, b"")
        yield f"the header {text[:20]!r} before data", raw_file(text, data)
    yield "a pickle", pickle.dumps({"weight": [1.0]})
    archive = io.BytesIO()
    np.savez(archive, weight=np.ones(3))
    yield "an npz file", archive.getvalue()
    array = io.BytesIO()
    np.save(array, np.ones(3))
    yield "an npy file", array.getvalue()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("model/data.pkl", b"cos\nsystem\n(S'true'\ntR.")
    yield "a torch file", archive.getvalue()
    for text in (
        b"<html></html>",
        b"#!/bin/sh\ntrue\n",
        b"\x89PNG\r\n\x1a\n",
        b"\x7fELF",
        b"PK\3\4",
    ):
        yield f"a file that begins with {text!r}", text * 50
    for place in (0, len(header), len(valid) - 4):
        yield (
            f"with other bytes at {place}",
            valid[:place] + b"\x01\x02\x03\x04" + valid[place + 4 :],
        )


def _spellings(valid):
    """The same header in other words, with the right digest of these words."""

    def spelt(name, *pair):
        assert len(pair) == 2
        return name, _changed(valid, lambda header: None, rewrite=lambda t: t.replace(*pair, 1))

    yield spelt("a space after a colon", b'"dtype":', b'"dtype": ')
    yield spelt("a space after a comma", b'"F32",', b'"F32", ')
    yield spelt("a line break", b"},", b"},\n")
    yield spelt("a tab at the end", b"8]}}", b"8]}}\t")
    yield spelt("a space before all", b'{"__meta', b' {"__meta')
    yield spelt("an escaped letter", b"dtype", b"\\u0064type")
    yield spelt("an escaped slash", b"layers.0", b"layers\\/0")
    yield spelt("an escape in the architecture", b"Dense", b"\\u0044ense")
    yield spelt("a surrogate in the architecture", b"Dense", b"\\\\ud800")
    yield spelt("a lone surrogate", b"Dense", "\ud800".encode("utf-8", "surrogatepass"))
    yield spelt("overlong UTF-8", b"Dense", b"\xc0\x84ense")
    yield spelt("a NUL", b"Dense", b"\0Dense")
    yield spelt("a comment", b'{"__meta', b'/**/{"__meta')
    yield spelt("a comma at the end", b'"dtype":"F32"', b'"dtype":"F32",')
    yield spelt("single quotes", b'"F32"', b"'F32'")
    for number in (b"0.0", b"-0", b"00", b"0e0", b"+0", b"0x0", b"NaN", b"Infinity", b"1e400"):
        yield spelt(f"a place {number}", b'"data_offsets":[0', b'"data_offsets":[' + number)
        yield spelt(f"a reference {number}", b'{\\"node\\":0', b'{\\"node\\":' + number)
        if number != b"0.0":
            yield spelt(f"a rate {number}", b'\\"rate\\":0.5', b'\\"rate\\":' + number)
    entry = b'"dtype":"F32"'
    yield spelt("a key twice", entry, entry + b"," + entry)
    yield spelt("a key twice, the first wrong", entry, b'"dtype":"F64",' + entry)
    yield spelt("metadata twice", b'"version":"1"', b'"version":"2","version":"1"')
    yield spelt("a class twice", b'\\"class\\":', b'\\"class\\":\\"Dense\\",\\"class\\":')
    header, data = parts(valid)
    first = next(name for name in header if name != "__metadata__")
    text = f'"{first}":'.encode()
    yield spelt("an array twice", text, text + dense_json(header[first]).encode() + b"," + text)
    yield "sorted keys", seal(json.loads(json.dumps(header, sort_keys=True)), data)
    yield "no padding", seal(header, data, lambda text: text + b" " * 8)
    del data


def _metadata(valid):
    header, _ = parts(valid)
    meta = header["__metadata__"]

    def put(key, value):
        return _changed(valid, lambda header: header["__metadata__"].__setitem__(key, value))

    for key in meta:
        yield f"without {key}", _changed(valid, lambda header: header["__metadata__"].pop(key))
        for value in (None, 1, True, ["model"], {"a": "b"}):
            if key not in ("architecture", "state"):
                yield f"{key} is {value}", put(key, value)
        for text in ("", " ", "x", "0", "2", "1.0", " 1", "01", "\u0661", "a" * 100_000):
            yield f"{key} is {text[:9]!r}", put(key, text)
        moved = {key: meta[key]} | meta
        yield f"{key} first", _changed(valid, lambda header: header.update(__metadata__=moved))
    for kind in ("checkpoint", "estimator", "Model", "pt", "model "):
        yield f"the format {kind!r}", put("format", kind)
    for key in ("pickle", "code", "url", "", "SHA256", "format "):
        yield f"with {key!r} too", put(key, "x")
    for digest in ("0" * 64, "f" * 64, "0" * 63, "0" * 65, meta["sha256"].upper(), ""):
        own = dense_json(meta["sha256"])[1:-1].encode()
        yield f"the digest {digest[:9]}", valid.replace(own, digest.encode(), 1)
    yield (
        "metadata last",
        _changed(valid, lambda header: header.update(__metadata__=header.pop("__metadata__"))),
    )


def _tensors(valid):
    header, data = parts(valid)
    names = [name for name in header if name != "__metadata__"]
    sizes = {name: header[name]["shape"] for name in names}

    def relaid(change):
        """Change the arrays, and give each the place that it then needs."""
        new, _ = parts(valid)
        change(new)
        new, size = lay_out(new)
        return seal(new, (data * 9)[:size])

    for name in names:

        def put(key, value, name=name):
            return _changed(valid, lambda header: header[name].__setitem__(key, value))

        first, end = header[name]["data_offsets"]
        for value in ANYTHING:
            yield f"{name} is {value}", _changed(valid, lambda h, v=value: h.update({name: v}))
            yield f"{name}: its dtype is {value}", put("dtype", value)
            yield f"{name}: its shape is {value}", put("shape", value)
            yield f"{name}: its place is {value}", put("data_offsets", value)
        for dtype in ("F16", "BF16", "F64", "I32", "U8", "BOOL", "F8_E4M3", "f32", "<f4", "O"):
            yield f"{name}: its dtype is {dtype}", put("dtype", dtype)
        for shape in ([-1], [0], [2**63], [2**70], [True], [1.0], ["3"], [None], [1] * 70):
            yield f"{name}: its shape is {shape[:3]}", put("shape", shape)
            yield f"{name}: its shape begins with {shape[:3]}", put("shape", shape + sizes[name])
        for place in (
            [end, first], [first + 4, end + 4], [first, end + 4], [first, end - 4], [-4, end],
            [first, 2**63], [2**64, 2**64], [float(first), end], [first, end, end], [first],
            [0, len(data)], [first, True], [str(first), end],
        ):  # fmt: skip
            yield f"{name}: its place is {place}", put("data_offsets", place)
        for key in ("dtype", "shape", "data_offsets"):
            yield f"{name}: without {key}", _changed(valid, lambda h, k=key: h[name].pop(k))
        yield f"{name}: with more", put("strides", [1])
        for code in ("F16", "F64"):
            if name == names[0]:
                # a network of several dtypes may be saved: a shape that does not fit is not one
                change = {"dtype": code, "shape": [*sizes[name], 1]}
                yield f"{name}: is {code}", relaid(lambda h, c=change: h[name].update(c))
        for shape in (
            [], [*sizes[name], 1], [1, *sizes[name]], sizes[name][1:], [9, *sizes[name][1:]],
            [0, *sizes[name][1:]], [2**40, 0],
        ):  # fmt: skip
            if shape != sizes[name]:
                change = {"shape": shape}
                yield f"{name}: of shape {shape}", relaid(lambda h, c=change: h[name].update(c))
        yield f"{name} is missing", relaid(lambda h: h.pop(name))
        for other in ("", "x", "layers", f"{name} ", f"{name}.x", "../../etc/passwd", "__class__"):
            renamed = {other if key == name else key: item for key, item in header.items()}
            yield f"{name} is called {other!r}", seal(renamed, data)
            yield (
                f"{other!r} is there too",
                relaid(lambda h, o=other: h.update({o: {"dtype": "F32", "shape": [2]}})),
            )
        for bits in (0x7FC00000, 0x7F800000, 0xFF800000, 0x7FA00000):
            spoilt = data[:first] + bits.to_bytes(4, "little") + data[first + 4 :]
            yield f"{name} holds {bits:x}", seal(header, spoilt)
    yield "no arrays", relaid(lambda h: [h.pop(name) for name in names])
    turned = {key: header[key] for key in ["__metadata__", *names[::-1]]}
    yield "arrays in another order", seal(lay_out(turned)[0], data)


def _architecture(valid):
    header, data = parts(valid)
    whole = header["__metadata__"]["architecture"]

    def made(change):
        new = copy.deepcopy(header)
        own = new["__metadata__"]["architecture"]
        change(own["nodes"], own)
        return seal(new, data)

    for value in (None, 0, "", "x", [], {}, {"nodes": []}, {"nodes": [], "shared": {}}, [1]):
        new = copy.deepcopy(header)
        new["__metadata__"]["architecture"] = dense_json(value)
        yield f"the architecture is {value!r}", seal(new, data)
    for text in ("", "{", "[" * 100_000, '{"nodes":' * 50_000, "NaN", "1" * 9999, " null"):
        new = copy.deepcopy(header)
        new["__metadata__"]["architecture"] = text
        yield f"the architecture reads {text[:9]!r}", seal(new, data)
    for key in ("nodes", "shared"):
        for value in ANYTHING:
            if value != {}:
                yield (
                    f"{key} are {value!r}",
                    made(lambda _, own, k=key, v=value: own.update({k: v})),
                )
        yield f"without {key}", made(lambda _, own, k=key: own.pop(k))
    yield "with more", made(lambda _, own: own.update(imports=["os"]))
    yield "in another order", made(lambda _, own: own.update(nodes=own.pop("nodes")))

    for place, node in enumerate(whole["nodes"]):
        for name in [*NAMES, *ANYTHING]:
            yield (
                f"class {place} is {name!r:.30}",
                made(lambda n, _, v=name: n[place].update({"class": v})),
            )
        for value in [*ANYTHING, {"features": 3}, {"self": 1}, {"__class__": "x"}]:
            if value != node["config"]:
                yield (
                    f"config {place} is {value}",
                    made(lambda n, _, v=value: n[place].update(config=v)),
                )
            yield f"node {place} is {value}", made(lambda n, _, v=value: n.__setitem__(place, v))
        yield f"node {place} without class", made(lambda n, _: n[place].pop("class"))
        yield f"node {place} without config", made(lambda n, _: n[place].pop("config"))
        yield f"node {place} with more", made(lambda n, _: n[place].update(module="os"))
        yield f"node {place} twice", made(lambda n, _: n.insert(place, n[place]))
        yield f"node {place} missing", made(lambda n, _: n.pop(place))
        yield f"node {place} once more at the end", made(lambda n, _: n.append(n[place]))
        for key in node["config"]:
            bad = [
                None, "x", "", -1, -0.5, 0, 2**31, 2**62, 2**63, 10**30, 1e308, 0.25 + 2**40, [],
                [[]], [1], ["x"], {}, {"node": 0, "x": 1}, {"node": -1}, {"node": place},
                {"node": 99}, {"node": True}, {"node": 0.0}, {"node": "0"},
                {"node": None}, {"layer": 0}, [{"node": place}], [[{"node": 0}]],
                "a" * 2000, [0] * 50_000, {"a": {"b": []}},
            ]  # fmt: skip
            right = {"eps": [1e308, 0.25 + 2**40, 2**31, 2**62], "axis": [-1, 2**31, 2**62]}
            for value in bad:
                if value not in right.get(key, ()):
                    yield (
                        f"{key} of node {place} is {value!r:.30}",
                        made(lambda n, _, k=key, v=value: n[place]["config"].update({k: v})),
                    )
            yield f"without {key} of {place}", made(lambda n, _, k=key: n[place]["config"].pop(k))
            yield (
                f"{key} of {place} last",
                made(lambda n, _, k=key: n[place]["config"].update({k: n[place]["config"].pop(k)})),
            )
        yield f"more config in {place}", made(lambda n, _: n[place]["config"].update(rng=0))
        for key in ("self", "dtype", "weight_initializer", "args", "__init__"):
            yield f"{key} in {place}", made(lambda n, _, k=key: n[place]["config"].update({k: 0}))

    relu = {"class": "ReLU", "config": {}}

    def holding(*children):
        return {"class": "Sequential", "config": {"layers": [{"node": c} for c in children]}}

    chain = [relu, *(holding(place) for place in range(40))]
    yield "nested 40 deep", made(lambda n, own: own.update(nodes=chain))
    yield (
        "nested 5000 deep",
        made(lambda n, own: own.update(nodes=[relu, *map(holding, range(5000))])),
    )
    double = [relu, *(holding(place, place) for place in range(30))]
    yield "a layer at 2³⁰ places", made(lambda n, own: own.update(nodes=double))
    wide = [relu, holding(*[0] * 50_000), holding(1, 1, 1)]
    yield "a layer at 150000 places", made(lambda n, own: own.update(nodes=wide))
    big = {"in_features": 2**20, "out_features": 2**20, "bias": False}
    dense = {"class": "Dense", "config": big}
    yield "a layer of 4 terabytes", made(lambda n, own: own.update(nodes=[dense]))
    table = {"class": "PositionalEncoding", "config": {"features": 2**20, "max_length": 2**20}}
    yield "an encoding of 8 terabytes", made(lambda n, own: own.update(nodes=[table]))
    small = {"class": "PositionalEncoding", "config": {"features": 1024, "max_length": 1024}}
    many = [small] * 2000 + [holding(*range(2000))]
    yield "many encodings of 8 megabytes", made(lambda n, own: own.update(nodes=many))
    shared = {f"layers.{k}.weight": "layers.0.weight" for k in range(1, 300)}
    yield "one weight for 300 layers", _many_times(512, 300, shared)

    alias = dict(whole["shared"])
    yield "nothing shared", made(lambda _, own: own.update(shared={}))
    for path, first in alias.items():
        yield f"{path} not shared", made(lambda _, own, p=path: own["shared"].pop(p))
        for other in [*ANYTHING, path, "layers.9.weight", "layers", "layers.0", "layers.3.rng"]:
            if other != first:
                yield (
                    f"{path} shared with {other!r:.20}",
                    made(lambda _, own, p=path, o=other: own["shared"].update({p: o})),
                )
    for path in [
        "",
        "x",
        "layers.0.weight",
        "layers.0.x",
        "layers.1.gain",
        "layers.5.weight",
        "layers.3.rng",
    ]:
        for first in ("layers.0.weight", "layers.0.bias", "layers.1.bias", "layers.3.rng", "x", ""):
            yield (
                f"{path!r} shared with {first!r} too",
                made(lambda _, own, p=path, f=first: own["shared"].update({p: f})),
            )


def _many_times(size, times, shared):
    config = {"in_features": size, "out_features": size, "bias": False}
    nodes = [{"class": "Dense", "config": config}] * times
    nodes.append({"class": "Sequential", "config": {"layers": [{"node": k} for k in range(times)]}})
    meta = {
        "format": "model",
        "version": "1",
        "architecture": {"nodes": nodes, "shared": shared},
        "state": {"generators": {}},
        "sha256": "",
    }
    header = {"__metadata__": meta, "layers.0.weight": {"dtype": "F32", "shape": [size, size]}}
    header, length = lay_out(header)
    return seal(header, bytes(length))


def _state(valid):
    header, data = parts(valid)
    whole = header["__metadata__"]["state"]
    (path,) = whole["generators"]

    def made(change):
        new = copy.deepcopy(header)
        own = new["__metadata__"]["state"]
        change(own["generators"], own)
        return seal(new, data)

    for value in ANYTHING:
        new = copy.deepcopy(header)
        new["__metadata__"]["state"] = dense_json(value)
        yield f"the state is {value}", seal(new, data)
        yield f"the generators are {value}", made(lambda _, own, v=value: own.update(generators=v))
        yield f"a generator is {value}", made(lambda g, _, v=value: g.update({path: v}))
        yield (
            f"the bit generator is {value}",
            made(lambda g, _, v=value: g[path].update(bit_generator=v)),
        )
    yield "no generators", made(lambda g, _: g.clear())
    yield "the state without generators", made(lambda _, own: own.clear())
    yield "the state with more", made(lambda _, own: own.update(optimizer={}))
    for name in ("RandomState", "MT19937", "Philox", "SFC64", "pcg64", "os.system", "BitGenerator"):
        yield (
            f"the bit generator {name}",
            made(lambda g, _, n=name: g[path].update(bit_generator=n)),
        )
    twister = {"bit_generator": "MT19937", "state": {"key": [1] * 624, "pos": 625}}
    for change in (
        {"pos": 625},
        {"pos": 2**31 - 1},
        {"pos": -1},
        {"key": [1] * 623},
        {"key": [2**32] * 624},
    ):
        state = {**twister, "state": {**twister["state"], "pos": 0, **change}}
        yield f"a twister with {change!s:.20}", made(lambda g, _, s=state: g.update({path: s}))
    philox = {
        "bit_generator": "Philox", "state": {"counter": [0] * 4, "key": [0] * 2}, "buffer": [0] * 4,
        "buffer_pos": 4, "has_uint32": 0, "uinteger": 0,
    }  # fmt: skip
    for change in (
        {"buffer_pos": -1},
        {"buffer": [0] * 3},
        {"buffer": [2**64] * 4},
        {"uinteger": 2**32},
    ):
        yield f"a Philox with {change}", made(lambda g, _, c=change: g.update({path: philox | c}))
    for other in ("", "x", "layers.0.weight", "layers.4", "layers.9.rng", "layers.3.rng.x"):
        yield f"the generator of {other!r}", made(lambda g, _, o=other: g.update({o: g.pop(path)}))
        yield f"one more for {other!r}", made(lambda g, _, o=other: g.update({o: g[path]}))
    leaves = [("state",), ("has_uint32",), ("uinteger",), ("state", "state"), ("state", "inc")]
    for keys in leaves:
        for value in [*ANYTHING, 2**128, 2**200, 1.0, "1"]:
            if value == 10**30 and len(keys) == 2:
                continue  # a number as good as any

            def put(g, _, keys=keys, value=value):
                inner = g[path]
                for key in keys[:-1]:
                    inner = inner[key]
                inner[keys[-1]] = value

            yield f"{'.'.join(keys)} is {value!r:.20}", made(put)

        def drop(g, _, keys=keys):
            inner = g[path]
            for key in keys[:-1]:
                inner = inner[key]
            del inner[keys[-1]]

        yield f"without {'.'.join(keys)}", made(drop)
    yield "a generator with more", made(lambda g, _: g[path].update(seed=1))
