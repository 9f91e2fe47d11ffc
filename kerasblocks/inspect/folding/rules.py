"""The rewrite rules of `kerasblocks.fold`, and how they are applied.

Each takes a graph, one of its calls, which is on a single tensor, and the copies, and
tells whether it has changed something. Each keeps the outputs but for rounding, and
leaves less work to do.
"""

from __future__ import annotations

from collections.abc import Callable

from kerasblocks.inspect.folding.batch_norm import (
    fold_around_relu,
    fold_into_producer,
    fold_into_readers,
)
from kerasblocks.inspect.folding.copies import Copies
from kerasblocks.inspect.folding.graph import Call, Graph
from kerasblocks.inspect.folding.identities import drop_identity
from kerasblocks.inspect.folding.places import pad_inside, pool_where_it_is_smaller

RULES: tuple[Callable[[Graph, Call, Copies], bool], ...] = (
    drop_identity,
    fold_into_producer,
    fold_into_readers,
    fold_around_relu,
    pool_where_it_is_smaller,
    pad_inside,
)
"""In the order in which they are tried."""


def apply_rules(graph: Graph, copies: Copies) -> bool:
    """Applies the rules wherever they can be, until none can.

    Returns:
        Whether any could.
    """
    changed = [_apply(graph, call, copies) for call in list(graph.calls)]
    if not any(changed):
        return False
    apply_rules(graph, copies)
    return True


def _apply(graph: Graph, call: Call, copies: Copies) -> bool:
    if call not in graph.calls or call.input is None:
        return False
    return any(rule(graph, call, copies) for rule in RULES)
