"""Looking inside models, of blocks or not."""

from kerasblocks.inspect.expand import expand
from kerasblocks.inspect.fold import fold
from kerasblocks.inspect.gradient_flow import gradient_flow
from kerasblocks.inspect.gradients.plot import plot_flows
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
