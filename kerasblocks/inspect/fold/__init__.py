"""`fold`: a model for inference. The rules are listed in `fold.py`, one file a kind."""

from kerasblocks.inspect.fold.fold import fold

__all__ = ["fold"]
