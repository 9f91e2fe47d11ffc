"""Functions that look inside a model or rewrite it, with or without blocks."""

from kerasblocks.inspect.expand import expand
from kerasblocks.inspect.fold import fold
from kerasblocks.inspect.gradients import gradient_flow, plot_flows
from kerasblocks.inspect.summary import summary
from kerasblocks.inspect.transfer import transfer_weights

__all__ = [
    "expand",
    "fold",
    "gradient_flow",
    "plot_flows",
    "summary",
    "transfer_weights",
]
