"""Looking inside models that are made of blocks."""

from kerasblocks.inspect.expand import expand

__all__ = ["expand"]
