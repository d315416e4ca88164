"""Files that minidl writes and reads: models, in a format that can neither lie nor run code."""

from minidl.checkpoint.atomic import BusyError
from minidl.checkpoint.model import ModelFileError, load, save

__all__ = ["BusyError", "ModelFileError", "load", "save"]
