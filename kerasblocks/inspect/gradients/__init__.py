"""`gradient_flow`: the gradient of the loss in each block of a model."""

from kerasblocks.inspect.gradients.gradient_flow import gradient_flow
from kerasblocks.inspect.gradients.plot import plot_flows

__all__ = ["gradient_flow", "plot_flows"]
