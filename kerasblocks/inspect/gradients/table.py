"""`GradientFlow`: the gradient norms of the blocks of a model, as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kerasblocks.inspect.printed import Printed, Table

_RIGHT = {"justify": "right"}
_COLUMNS = {
    "block": {},
    "gradient norm": _RIGHT,
    "weight norm": _RIGHT,
    "ratio": _RIGHT,
    "weights": _RIGHT,
    "": {},
}


@dataclass(frozen=True)
class BlockGradient:
    """The gradient of one block: a layer, a nested model or a single weight.

    Attributes:
        name: The names of the blocks around it and its own, separated by slashes.
        gradient_norm: The norm of the gradient of its trainable weights; None if it is
            frozen, or if the loss depends on none of them.
        weight_norm: The norm of these weights; None if an earlier block counts them.
        ratio: The norm of the gradient divided by that of the weights; None if one is
            None or the weights are 0.
        weights: The size of these weights; of a frozen block, that of all its weights.
        note: "frozen", "no gradient", "not finite", "shared with ..." or nothing.
        blocks: The blocks inside, down to the depth that was asked for.
    """

    name: str
    gradient_norm: float | None
    weight_norm: float | None
    ratio: float | None
    weights: int
    note: str = ""
    blocks: tuple[BlockGradient, ...] = ()


@dataclass(frozen=True)
class GradientFlow(Printed):
    """What `gradient_flow` returns: a table to print, with its numbers.

    Attributes:
        loss: The loss of the samples; None if the model's own `train_step` does not
            return it.
        samples: The number of samples.
        blocks: The blocks that have weights, from the input to the output.
        warning: Where a number is not finite, and why; or "".
    """

    loss: float | None
    samples: int
    blocks: tuple[BlockGradient, ...]
    warning: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The numbers, as dicts and lists that JSON can hold."""
        return _listed(asdict(self))

    def plot(self, path: str | Path) -> None:
        """Draws the norms by block, with a log scale, as a picture.

        Args:
            path: The file to write or replace, such as "flow.png".
        """
        from kerasblocks.inspect.gradients.plot import plot_flows

        plot_flows({"": self}, path)

    def table(self) -> Table:
        """A row for each block; those inside another are indented."""
        samples = "1 sample" if self.samples == 1 else f"{self.samples:,} samples"
        loss = "" if self.loss is None else f"loss {self.loss:.4g}, "
        return Table(
            columns=_COLUMNS,
            rows=[
                [
                    [("  " * depth + _last(block.name, depth), "")],
                    [(_number(block.gradient_norm), "")],
                    [(_number(block.weight_norm), "")],
                    [(_number(block.ratio), "")],
                    [(f"{block.weights:,}", "")],
                    [(block.note, "yellow")],
                ]
                for depth, block in _walk(self.blocks)
            ],
            title=f"{loss}gradients on {samples}",
            notes=[(self.warning, "bold red")] if self.warning else [],
        )


def _walk(
    blocks: tuple[BlockGradient, ...], depth: int = 0
) -> Iterator[tuple[int, BlockGradient]]:
    for block in blocks:
        yield depth, block
        yield from _walk(block.blocks, depth + 1)


def _last(name: str, depth: int) -> str:
    return name.rpartition("/")[2] if depth else name


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_listed(item) for item in value]
    return value
