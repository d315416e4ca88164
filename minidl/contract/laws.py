"""The laws that are probed: what each says, and every mistake that breaks it, by name.

A mistake's name stands in `Finding.mistake`. What a probe finds is put under the law that names it.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Law:
    """What a layer has to keep.

    Attributes
    ----------
    name : str
        The name of the function in `minidl.testing.laws`; that of the check in a `Finding`, if
        probes find it broken.
    sentence : str
        What is checked.
    mistakes : dict of str to str
        What breaks it: the name, and what the layer does.
    """

    name: str
    sentence: str
    mistakes: Mapping[str, str]


SHAPE_AND_DTYPE = Law(
    "keeps_shape_and_dtype",
    "Check that dx has the shape of x, and that float32 stays float32 and float64 float64.",
    {
        "wrong-number-of-gradients": "backward returns nothing, or too few or too many gradients",
        "missing-gradient": "None where the gradient of a floating input is due",
        "wrong-shape": "a gradient, or the output at inference, has another shape",
        "transposed-shape": "a gradient has the shape of its transpose",
        "not-summed-over-batch": "the gradient of a parameter still has the axis of the samples",
        "keepdims": "an axis of length 1 is left over or lost",
        "wrong-dtype": "an output or a gradient has another dtype than everything else",
    },
)
ARGUMENTS = Law(
    "leaves_its_arguments_alone",
    "Check that a layer writes into no input, cotangent, cache or parameter.",
    {
        "mutates-input": "a call writes into its input",
        "mutates-upstream": "backward writes into the upstream gradient",
        "mutates-cache": "backward writes into the cache",
        "mutates-parameter": "a call writes into the value of a parameter",
        "mutates-gradient": "forward, or inference, writes into the gradient of a parameter",
    },
)
HANDED_OUT = Law(
    "keeps_what_it_handed_out",
    "Check that outputs, gradients and caches survive later calls: no hidden scratch array.",
    {
        "overwritten-result": "an array that one call returned is overwritten by a later call",
        "shared-memory": "a gradient shares its memory with another array",
    },
)
NO_STATE = Law(
    "keeps_no_state",
    "Check that nothing but generators, buffers and gradients changes on a layer.",
    {
        "state": "a call changes an attribute of the layer",
        "random-backward": "backward draws random numbers, or changes a buffer",
        "global-generator": "it draws from NumPy's global generator",
    },
)
REENTRANT = Law(
    "is_reentrant",
    "Check that forward and inference may run before backward, and backward in either order.",
    {
        "history-dependent-forward": "forward gives another output after other calls",
        "stale-cache": "the gradient is wrong when another call ran in between, or a parameter "
        "changed",
    },
)
ADDS = Law(
    "adds_to_gradients",
    "Check that backward adds to gradients that are there, and the same again with one cache.",
    {
        "assigns-gradient": "the gradient of a parameter is assigned, not added to",
        "accumulates": "a second backward with the same cache gives something else, or raises",
    },
)
LINEAR = Law(
    "is_linear_in_the_cotangent",
    "Check that backward(−3 v + 200 w) is −3 backward(v) + 200 backward(w).",
    {
        "ignores-upstream": "the gradient is the same for any upstream gradient",
        "hidden-penalty": "something is added that does not depend on the upstream gradient",
        "nonlinear": "it clips, normalises, or depends on the sign of the upstream gradient",
    },
)
WITHOUT_DX = Law(
    "leaves_the_same_gradients_without_dx",
    "Check that backward_parameters adds what backward adds, and returns nothing.",
    {
        "backward-parameters-differs": "backward_parameters adds something else than backward",
        "returns-something": "backward_parameters returns something",
    },
)
INFERENCE = Law(
    "repeats_itself_at_inference",
    "Check that ``layer(x)`` twice gives the same bits and moves no generator and no buffer.",
    {
        "call-writes": "layer(x) changes buffers, generators or attributes",
        "call-differs": "layer(x) gives another output the second time, or another than forward",
    },
)
LAYOUT = Law(
    "takes_any_memory_layout",
    "Check that Fortran-ordered, strided, reversed and read-only arrays give the same result.",
    {"memory-layout": "it fails, or gives something else, for arrays laid out in another way"},
)
GRADIENTS = Law(
    "has_proven_gradients",
    "Check every gradient against a numerical derivative with an error bound.",
    {
        "not-finite": "NaN or infinity where a derivative exists",
        "zero": "zero everywhere",
        "upstream-passed-through": "the upstream gradient, handed on unchanged or transposed",
        "sign": "the wrong sign everywhere",
        "constant-factor": "a multiple of the right one: 2, the batch size, the root of a size",
        "low-precision": "computed in fewer digits than the layer has",
        "swapped": "the gradient of another tensor",
        "rearranged": "the right numbers, transposed, flipped or shifted",
        "parameter-rearranged": "right if a parameter were transposed or flipped",
        "jacobian-transposed": "the Jacobian where its transpose belongs",
        "cross-term-missing": "what elements do to one another is left out",
        "overwritten-contributions": "= where += belongs: one of several contributions is kept",
        "partial-samples": "some samples or slices of the output do not contribute",
        "slope-table": "another local derivative for x < 0, for x > 0, or in between",
        "wrong-formula": "the local derivative is another formula of x and y",
        "wrong-variable": "a function of another variable than belongs there",
        "wrong-axis": "a sum along another axis",
        "missing-skip": "the path that skips the layer is missing",
        "missing-term": "a multiple of dy, the input, the output … is missing, or too much",
        "weight-decay": "a multiple of the parameter is added",
        "mean-path": "the path through the mean is missing, or has a wrong factor",
        "variance-path": "the path through the variance is missing, or has a wrong factor",
        "wrong-region": "wrong only where a condition holds, or in some elements",
        "batch-of-one": "wrong only for a batch of one",
        "zero-column": "wrong only where a feature is zero",
        "large-input": "wrong only for large inputs",
        "tie-double-count": "wrong where inputs are equal: ties are counted more than once",
        "unclassified": "wrong, in none of these ways",
    },
)

PROBED = (
    SHAPE_AND_DTYPE,
    ARGUMENTS,
    HANDED_OUT,
    NO_STATE,
    REENTRANT,
    ADDS,
    LINEAR,
    WITHOUT_DX,
    INFERENCE,
    LAYOUT,
)
"""The laws that need no numerical derivative: probes find what breaks them."""

LAW_OF = {mistake: law for law in (*PROBED, GRADIENTS) for mistake in law.mistakes}
MISTAKES = {mistake: law.mistakes[mistake] for mistake, law in LAW_OF.items()}
"""Every mistake that the checker can name, with what the layer does."""
