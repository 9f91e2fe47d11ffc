"""`summary`: what a model is made of, layer by layer."""

from kerasblocks.inspect.summary.summary import summary
from kerasblocks.inspect.summary.table import Summary

__all__ = ["Summary", "summary"]
