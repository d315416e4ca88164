"""Layers with inputs to try them on, and the laws applied to them: one by one or all at once."""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from minidl.contract.laws import GRADIENTS, PROBED, SHAPE_AND_DTYPE
from minidl.contract.probes import PROBES
from minidl.layer import Layer
from minidl.naming import title
from minidl.testing.laws import LAWS, Law
from minidl.testing.runs import findings_by_law

if TYPE_CHECKING:
    import pytest


class Case:
    """A layer, inputs to try it on, and the laws that it need not keep.

    Parameters
    ----------
    layer : Layer or function
        The layer, or a function without arguments that makes it (a class will do).
    *inputs : array_like
        What its forward takes.
    without : collection of laws
        Laws from `minidl.testing.laws` that the layer's docstring excuses it from.
    name : str, optional
        How the test is called; by default the layer's repr.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense
    >>> from minidl.testing import laws
    >>> case = Case(Dense(3, 2), np.ones((4, 3)), without=[laws.can_be_pickled])
    >>> case, len(list(case.checks())) == len(laws.LAWS) - 1
    (Dense(3 -> 2), True)
    """

    def __init__(
        self,
        layer: Layer | Callable[[], Layer],
        *inputs: Any,
        without: Collection[Law] = (),
        name: str | None = None,
    ) -> None:
        self.given = layer
        self.inputs = inputs
        self.without = tuple(without)
        self.name = name or _name(layer)
        unknown = [law for law in self.without if law not in LAWS]
        if unknown:
            raise ValueError(f"{self.name}: without= names {unknown[0]!r}, which is not a law")

    @property
    def layer(self) -> Layer:
        """The layer; a function makes a new one each time."""
        return self.given if isinstance(self.given, Layer) else self.given()

    def checks(self) -> "Iterator[Check]":
        """Yield one check for each law that the layer has to keep."""
        for law in LAWS:
            if law not in self.without:
                yield Check(self, law)

    def __repr__(self) -> str:
        return self.name


class Check:
    """One law for one layer: call it, and it raises AssertionError if the law is broken.

    Parameters
    ----------
    case : Case
        The layer and its inputs.
    law : function
        One of `minidl.testing.laws`.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import ReLU
    >>> from minidl.testing import laws
    >>> check = Check(Case(ReLU(), np.ones((2, 3))), laws.is_reentrant)
    >>> check
    ReLU()-is_reentrant
    >>> check()
    """

    def __init__(self, case: Case, law: Law) -> None:
        self.case = case
        self.law = law

    def __call__(self) -> None:
        """Apply the law."""
        self.law(self.case.layer, *self.case.inputs)

    def __repr__(self) -> str:
        return f"{self.case}-{self.law.__name__}"


Entry: TypeAlias = Case | tuple[Any, ...]


def check_layer(layer: Layer, *inputs: Any, without: Collection[Law] = ()) -> None:
    """Hold a layer to every law, the proof of its gradients included.

    Parameters
    ----------
    layer : Layer
        A layer, a network or a loss; it is copied.
    *inputs : array_like
        What its forward takes; floating inputs are tried in float32 and in float64. A handful of
        samples with different, not too regular numbers is best.
    without : collection of laws
        Laws from `minidl.testing.laws` that the layer's docstring excuses it from.

    Raises
    ------
    AssertionError
        Naming every law that is broken, and how.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense, Layer
    >>> x = np.random.default_rng(0).normal(size=(4, 3))
    >>> check_layer(Dense(3, 2), x)

    >>> class Squash(Layer):
    ...     def forward(self, x):
    ...         self.y = np.tanh(x)
    ...         return self.y, None
    ...
    ...     def backward(self, dy, cache):
    ...         return dy * (1 - self.y**2)
    >>> check_layer(Squash(), x)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    AssertionError: Squash() breaks ... laws:
      keeps_no_state: forward changes self.y: what backward needs travels in the cache, and...
      is_reentrant: the gradient of input 0 is wrong when another forward ran in between:...
      can_be_pickled: PicklingError when it is pickled: ...
    """
    try:
        findings = findings_by_law(layer, inputs, PROBES)
    except Exception as error:  # a TypeError: what came out is no array at all
        law = SHAPE_AND_DTYPE if isinstance(error, TypeError) else GRADIENTS
        findings = {law.name: f"{type(error).__name__}: {error}"}
    probed = {law.name for law in PROBED}
    lines: list[str] = []
    first: Exception | None = None
    for check in Case(layer, *inputs, without=without).checks():
        name = check.law.__name__
        try:
            if name in findings:
                raise AssertionError(findings[name])
            if name not in probed:
                check()
        except Exception as error:
            first = first or error
            lines.append(f"  {name}: {str(error).removeprefix(f'{title(layer)}: ')}")
    if lines:
        laws = "1 law" if len(lines) == 1 else f"{len(lines)} laws"
        raise AssertionError("\n".join([f"{title(layer)} breaks {laws}:", *lines])) from first


def parametrize_with_layer_checks(entries: Iterable[Entry]) -> "pytest.MarkDecorator":
    """Make a pytest test of every layer and every law that it has to keep.

    The decorated function takes one argument, ``check``, and calls it.

    Parameters
    ----------
    entries : iterable of Case or (layer, *inputs)
        The layers; instead of one, a function without arguments that makes it.

    Returns
    -------
    decorator
        ``pytest.mark.parametrize("check", …)``, with ids such as ``ReLU()-is_reentrant``.

    Raises
    ------
    ImportError
        If pytest is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense, ReLU
    >>> x = np.random.default_rng(0).normal(size=(4, 3))
    >>> @parametrize_with_layer_checks([(Dense(3, 2), x), (ReLU, x)])
    ... def test_my_layers(check):
    ...     check()
    """
    try:
        import pytest
    except ImportError as error:
        raise ImportError(
            'parametrize_with_layer_checks needs pytest: pip install "minidl[test]"'
        ) from error
    checks = [check for entry in entries for check in _case(entry).checks()]
    return pytest.mark.parametrize("check", checks, ids=repr)


def _case(entry: Entry) -> Case:
    if isinstance(entry, Case):
        return entry
    if not isinstance(entry, tuple) or not entry:
        raise TypeError(f"a Case or a tuple (layer, *inputs) is needed, got {entry!r}")
    layer, *inputs = entry
    if len(inputs) == 1 and isinstance(inputs[0], tuple):
        inputs = list(inputs[0])
    return Case(layer, *inputs)


def _name(layer: Any) -> str:
    """Name a layer in ASCII, which is what the ids of pytest are made of."""
    if not isinstance(layer, Layer):
        if not callable(layer):
            raise TypeError(f"a layer, or a function that makes one, is needed, got {layer!r}")
        return str(getattr(layer, "__name__", type(layer).__name__))
    return title(layer).replace("→", "->").replace("×", "x")
