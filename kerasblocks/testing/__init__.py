"""Property tests of Keras layers: shapes, inputs and configurations to draw from."""

from kerasblocks.testing.configs import configs
from kerasblocks.testing.shapes import inputs, shapes

__all__ = ["configs", "inputs", "shapes"]
