"""Wrong backward passes that people really write, each with the mistake that should be named."""

from tests.corpus.faults import (  # noqa: F401  (each module plants its faults)
    activations,
    contract,
    convolution,
    dense,
    losses,
    normalization,
    sequence,
    shapes,
)
from tests.corpus.faults.catalogue import FAULTS, Fault

VISIBLE = [fault for fault in FAULTS if not fault.unseen]
UNSEEN = [fault for fault in FAULTS if fault.unseen]

__all__ = ["FAULTS", "UNSEEN", "VISIBLE", "Fault"]
