"""Training: a step, the loop over all batches, and what watches it."""

from minidl.training.batches import batches
from minidl.training.callbacks import Callback
from minidl.training.divergence import DivergenceError
from minidl.training.early_stopping import EarlyStopping
from minidl.training.fit import fit
from minidl.training.gradient_errors import GradientErrors
from minidl.training.history import History, Steps
from minidl.training.run import Run
from minidl.training.step import loss_and_gradients

__all__ = [
    "Callback",
    "DivergenceError",
    "EarlyStopping",
    "GradientErrors",
    "History",
    "Run",
    "Steps",
    "batches",
    "fit",
    "loss_and_gradients",
]
