"""Wrong layers that people really write, each with the mistake and the law that should be named."""

from tests.corpus.faults import (  # noqa: F401  (each module plants its faults)
    activations,
    contract,
    convolution,
    dense,
    laws,
    losses,
    normalization,
    sequence,
    shapes,
)
from tests.corpus.faults.catalogue import FAULTS, Fault

VISIBLE = [fault for fault in FAULTS if fault.expect]
"""What the checker of gradients should find."""
UNSEEN = [fault for fault in FAULTS if fault.unseen]

__all__ = ["FAULTS", "UNSEEN", "VISIBLE", "Fault"]
