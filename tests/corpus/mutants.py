"""Mechanical mutants of backward passes: every small edit of the syntax tree that a slip could be.

A mutant counts if it does something else than the original at one of several random points and
does not simply raise; which of the two is found by running both, not by the checker.
"""

import ast
import copy
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import minidl
from minidl import Layer, Parameter, Sequential
from minidl.parameters import unique, walk
from tests.corpus import oracle, samples

METHODS = ("backward", "backward_parameters")
POINTS = 6


@dataclass(frozen=True)
class Mutant:
    """One edit of one method of one class; `make` gives the layer with it, and inputs."""

    kind: type
    method: str
    operator: str
    line: str
    function: Any
    sample: Any

    @property
    def name(self):
        return f"{self.kind.__module__}.{self.kind.__name__}: {self.operator}: {self.line}"

    def make(self, rng):
        layer, inputs = self.sample(rng)
        for _, item in walk(layer):
            if type(item) is self.kind:
                name = self.kind.__name__
                item.__class__ = type(name, (self.kind,), {self.method: self.function})
        return layer, inputs


# --- which layers -----------------------------------------------------------------------------

F64 = np.float64


def supervised(loss, target):
    return lambda rng: (loss, (rng.normal(size=(5, 4)), target(rng), rng.uniform(0.5, 2, size=5)))


LIBRARY = {
    "BatchNorm": lambda rng: (minidl.BatchNorm(4, dtype=F64), (rng.normal(size=(6, 4)),)),
    "LayerNorm": lambda rng: (minidl.LayerNorm(4, dtype=F64), (rng.normal(size=(5, 4)),)),
    "Dropout": lambda rng: (minidl.Dropout(0.4, rng=rng), (rng.normal(size=(5, 4)),)),
    "Embedding": lambda rng: (
        minidl.Embedding(4, 3, rng=rng, dtype=F64),
        (rng.integers(4, size=(5, 3)),),
    ),
    "Reshape": lambda rng: (minidl.Reshape((2, 2)), (rng.normal(size=(5, 4)),)),
    "Hinge": supervised(minidl.Hinge(), lambda rng: rng.integers(4, size=5)),
    "Huber": supervised(minidl.Huber(), lambda rng: rng.normal(size=(5, 4))),
    "MeanAbsoluteError": supervised(
        minidl.MeanAbsoluteError(), lambda rng: rng.normal(size=(5, 4))
    ),
    "MeanSquaredError": supervised(minidl.MeanSquaredError(), lambda rng: rng.normal(size=(5, 4))),
    "SigmoidCrossEntropy": supervised(
        minidl.SigmoidCrossEntropy(), lambda rng: rng.uniform(size=(5, 4))
    ),
    "Dense": lambda rng: (minidl.Dense(4, 3, rng=rng, dtype=F64), (rng.normal(size=(5, 4)),)),
    "Sequential": lambda rng: (
        Sequential(minidl.Dense(4, 3, rng=rng, dtype=F64), minidl.Tanh()),
        (rng.normal(size=(5, 4)),),
    ),
    "Residual": lambda rng: (
        minidl.Residual(minidl.Dense(4, 4, rng=rng, dtype=F64), minidl.Tanh()),
        (rng.normal(size=(5, 4)),),
    ),
    "Add": lambda rng: (
        minidl.Add(minidl.Dense(4, 3, rng=rng, dtype=F64), minidl.Dense(4, 3, rng=rng, dtype=F64)),
        (rng.normal(size=(5, 4)),),
    ),
    "Concatenate": lambda rng: (
        minidl.Concatenate(minidl.Dense(4, 3, rng=rng, dtype=F64), minidl.Tanh()),
        (rng.normal(size=(5, 4)),),
    ),
    "SoftmaxCrossEntropy": lambda rng: (
        minidl.SoftmaxCrossEntropy(),
        (rng.normal(size=(5, 4)), rng.integers(4, size=5), rng.uniform(0.5, 2, size=5)),
    ),
    "Conv2D": lambda rng: (
        minidl.Conv2D(2, 3, (2, 3), stride=2, padding=1, rng=rng, dtype=F64),
        (rng.normal(size=(2, 2, 4, 5)),),
    ),
    "MaxPool2D": lambda rng: (minidl.MaxPool2D(3, 2, 1), (rng.normal(size=(2, 2, 4, 5)),)),
    "AvgPool2D": lambda rng: (minidl.AvgPool2D(3, 2, 1), (rng.normal(size=(2, 2, 4, 5)),)),
    "GlobalAveragePool2D": lambda rng: (
        minidl.GlobalAveragePool2D(),
        (rng.normal(size=(2, 2, 4, 5)),),
    ),
    "RNN": lambda rng: recurrent(minidl.RNN, rng),
    "GRU": lambda rng: recurrent(minidl.GRU, rng),
    "LSTM": lambda rng: recurrent(minidl.LSTM, rng),
    "MultiHeadAttention": lambda rng: (
        minidl.MultiHeadAttention(4, 2, causal=True, rng=rng, dtype=F64),
        (rng.normal(size=(2, 3, 4)),),
    ),
    "PositionalEncoding": lambda rng: (
        minidl.PositionalEncoding(4, 5),
        (rng.normal(size=(2, 3, 4)),),
    ),
}


def recurrent(kind, rng):
    lengths = np.array([4, 2])
    return kind(3, 2, rng=rng, dtype=F64), (rng.normal(size=(2, 4, 3)), lengths)


def library_kinds():
    """Return every final layer class that minidl defines."""
    kinds = set()
    for module in pkgutil.walk_packages(minidl.__path__, "minidl."):
        if module.name.split(".")[1] in ("layers", "losses", "containers"):
            for name, item in vars(importlib.import_module(module.name)).items():
                if inspect.isclass(item) and issubclass(item, Layer) and name[0] != "_":
                    kinds.add(item)
    return sorted(
        (kind for kind in kinds if not inspect.isabstract(kind)), key=lambda kind: kind.__qualname__
    )


def library_sample(kind):
    """Return a factory for a class: the one listed, or the class without arguments on (5, 4)."""
    default = lambda rng: (kind(), (rng.normal(size=(5, 4)),))  # noqa: E731
    return LIBRARY.get(kind.__name__, default)


def subjects():
    """Return {class: sample} of the library's own layers and of the reference layers."""
    found = {}
    for sample in samples.CORRECT.values():
        layer, _ = sample(np.random.default_rng(0))
        found.setdefault(type(layer), sample)
    for kind in library_kinds():
        found[kind] = library_sample(kind)
    return found


# --- which edits ------------------------------------------------------------------------------


def number(value):
    return ast.Constant(value)


def call(value, name, *arguments):
    return ast.Call(ast.Attribute(value, name, ast.Load()), list(arguments), [])


def edits(node, names) -> Iterator[tuple[str, ast.AST | None]]:
    """Yield (operator, what stands in place of the node); None deletes a statement."""
    if isinstance(node, ast.BinOp):
        yield from binary_edits(node)
    elif isinstance(node, ast.AugAssign):
        plain = ast.Assign([node.target], node.value)
        yield "= for +=", plain
        yield "missing statement", None
        if isinstance(node.op, (ast.Add, ast.Sub)):
            other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            yield "sign", ast.AugAssign(node.target, other, node.value)
    elif isinstance(node, ast.Assign):
        yield "missing statement", None
    elif isinstance(node, ast.Expr):
        if not isinstance(node.value, ast.Constant):
            yield "missing statement", None
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        if not isinstance(node.operand, ast.Constant):
            yield "sign", node.operand
    elif isinstance(node, ast.Attribute):
        if node.attr == "T":
            yield "transpose", node.value
        elif node.attr == "value" and isinstance(node.ctx, ast.Load):
            yield "transpose", ast.Attribute(node, "T", ast.Load())
    elif isinstance(node, ast.Call):
        yield from call_edits(node)
    elif isinstance(node, ast.keyword) and node.arg == "axis":
        yield from axis_edits(node)
    elif isinstance(node, ast.Slice):
        yield from slice_edits(node)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        flip = {ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.LtE: ast.GtE}
        loose = {ast.Gt: ast.GtE, ast.Lt: ast.LtE, ast.GtE: ast.Gt, ast.LtE: ast.Lt}
        for table in (flip, loose):
            if type(node.ops[0]) in table:
                op = table[type(node.ops[0])]()
                yield "comparison", ast.Compare(node.left, [op], node.comparators)
    elif isinstance(node, ast.Return) and node.value is not None:
        yield from return_edits(node)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
        others = names[names.index(node.id) + 1 :] + names[: names.index(node.id)]
        for other in others[:2]:
            yield "variable", ast.Name(other, ast.Load())


def binary_edits(node):
    left, op, right = node.left, node.op, node.right
    exchange = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
    if type(op) in exchange:
        name = "sign" if isinstance(op, (ast.Add, ast.Sub)) else "factor"
        yield name, ast.BinOp(left, exchange[type(op)](), right)
    if isinstance(op, (ast.Add, ast.Sub)):
        yield "missing term", left
        yield "missing term", right
    if isinstance(op, (ast.Mult, ast.Div)):
        yield "missing factor", left
        yield "missing factor", right
    if isinstance(op, ast.Pow):
        yield "missing power", left
    if isinstance(op, (ast.Sub, ast.Div, ast.MatMult)):
        yield "swapped operands", ast.BinOp(right, op, left)
    if isinstance(op, ast.MatMult):
        yield "transpose", ast.BinOp(left, op, ast.Attribute(right, "T", ast.Load()))


def call_edits(node):
    if isinstance(node.func, ast.Attribute):
        name, value = node.func.attr, node.func.value
        if name in ("sum", "mean"):
            other = ast.Attribute(value, "mean" if name == "sum" else "sum", ast.Load())
            yield "factor", ast.Call(other, node.args, node.keywords)
        if name in ("swapaxes", "transpose", "cumsum", "clip"):
            yield "missing call", value
    if len(node.args) == 2 and not isinstance(node.args[0], ast.Constant):
        yield "swapped operands", ast.Call(node.func, node.args[::-1], node.keywords)


def axis_edits(node):
    if isinstance(node.value, ast.Tuple):
        for drop in range(len(node.value.elts)):
            left = [item for i, item in enumerate(node.value.elts) if i != drop]
            yield "axis", ast.keyword("axis", ast.Tuple(left, ast.Load()))
    elif isinstance(node.value, ast.Constant):
        yield "axis", ast.keyword("axis", number(0 if node.value.value else 1))
    else:
        yield "axis", ast.keyword("axis", number(0))


def slice_edits(node):
    for part in ("lower", "upper"):
        bound = getattr(node, part)
        if bound is not None:
            for op in (ast.Add(), ast.Sub()):
                parts = {"lower": node.lower, "upper": node.upper, "step": node.step}
                parts[part] = ast.BinOp(bound, op, number(1))
                yield "off by one", ast.Slice(**parts)
    if node.lower is None and node.upper is None and node.step is None:
        yield "off by one", ast.Slice(number(1), None, None)
    if node.step is not None:
        yield "missing step", ast.Slice(node.lower, node.upper, None)


def return_edits(node):
    if isinstance(node.value, ast.Tuple):
        for i, item in enumerate(node.value.elts):
            doubled = list(node.value.elts)
            doubled[i] = ast.BinOp(item, ast.Mult(), number(2))
            yield "factor", ast.Return(ast.Tuple(doubled, ast.Load()))
        yield "swapped results", ast.Return(ast.Tuple(node.value.elts[::-1], ast.Load()))
    else:
        yield "factor", ast.Return(ast.BinOp(node.value, ast.Mult(), number(2)))
        yield "sign", ast.Return(ast.UnaryOp(ast.USub(), node.value))


# --- making them ------------------------------------------------------------------------------


def mutants_of(kind, sample) -> Iterator[Mutant]:
    """Yield every mutant of the backward methods that a class itself defines."""
    for method in METHODS:
        function = vars(kind).get(method)
        if function is None:
            continue
        source = textwrap.dedent(inspect.getsource(function))
        tree = ast.parse(source)
        names = cache_names(tree.body[0])
        for index, node in enumerate(ast.walk(tree)):
            for operator, replacement in edits(node, names):
                changed = replaced(tree, index, replacement)
                scope: dict[str, Any] = {}
                exec(
                    compile(changed, f"<mutant of {kind.__name__}>", "exec"),
                    inspect.unwrap(function).__globals__,  # a decorator has others
                    scope,
                )
                line = difference(tree, changed)
                yield Mutant(kind, method, operator, line, scope[method], sample)


def cache_names(function):
    """Return the names of dy and of what the cache holds, which a slip could exchange."""
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)][1:]
    for statement in function.body:
        if (
            isinstance(statement, ast.Assign)
            and isinstance(statement.targets[0], ast.Tuple)
            and isinstance(statement.value, ast.Name)
        ):
            names = names[:1] + [e.id for e in statement.targets[0].elts if isinstance(e, ast.Name)]
    return [name for name in names if not name.startswith("_")]


def replaced(tree, index, replacement):
    """Return a copy of the tree in which the node of that number in the walk is another."""
    tree = copy.deepcopy(tree)
    target = list(ast.walk(tree))[index]
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is target:
                setattr(parent, field, copy.deepcopy(replacement))
            elif isinstance(value, list) and any(item is target for item in value):
                place = next(i for i, item in enumerate(value) if item is target)
                new = ast.Pass() if replacement is None else copy.deepcopy(replacement)
                value[place] = new
    return ast.fix_missing_locations(tree)


def difference(before, after):
    """Return the first line that the edit changed, as it now is."""
    old, new = ast.unparse(before).split("\n"), ast.unparse(after).split("\n")
    return next((b.strip() for a, b in zip(old, new, strict=False) if a != b), "")


# --- which of them count ----------------------------------------------------------------------


def behaviour(make, seed):
    """Return all that a backward pass leaves behind, from gradients that were not zero."""
    layer, inputs = make(np.random.default_rng(seed))
    rng = np.random.default_rng(seed + 1000)
    layer, inputs = oracle.fresh(layer, *inputs)
    y, cache = layer.forward(*inputs)
    dy = oracle.cotangent(y, seed)
    left = []
    for method in METHODS:
        for parameter in unique(layer, Parameter).values():
            parameter.grad[...] = rng.normal(size=parameter.grad.shape)
        left.append(getattr(layer, method)(dy, cache))
        left += [parameter.grad.copy() for parameter in unique(layer, Parameter).values()]
    return [*left, dy, cache, inputs, [p.value for p in unique(layer, Parameter).values()]]


def close(a, b):
    if isinstance(a, (list, tuple)):
        return isinstance(b, (list, tuple)) and len(a) == len(b) and all(map(close, a, b))
    if not isinstance(a, (np.ndarray, float, np.floating)):
        return True if a is not None else b is None
    if np.shape(a) != np.shape(b) or np.asarray(a).dtype != np.asarray(b).dtype:
        return False
    scale = np.abs(a).max(initial=0)
    return np.allclose(a, b, rtol=1e-9, atol=1e-11 * scale, equal_nan=True)


def fate(mutant):
    """Return "counts", "equivalent" or "raises"."""
    try:
        with np.errstate(all="ignore"):
            agree = all(
                close(behaviour(mutant.sample, seed), behaviour(mutant.make, seed))
                for seed in range(POINTS)
            )
    except Exception:
        return "raises"
    return "equivalent" if agree else "counts"


def all_mutants() -> Iterator[Mutant]:
    """Yield the mutants of all subjects, in a fixed order."""
    for kind, sample in subjects().items():
        yield from mutants_of(kind, sample)
