"""`gradient_flow`: the gradient of the loss in each block of a model."""

from kerasblocks.inspect.gradients.flow import plot_flows
from kerasblocks.inspect.gradients.gradient_flow import gradient_flow

__all__ = ["gradient_flow", "plot_flows"]
