"""The table of losses: a row here is a loss that every law is tried on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np

import kerasblocks as kb
from kerasblocks.losses import Contrastive, InfoNCE, MultiSimilarity, Triplet


@dataclass(frozen=True)
class Row:
    """A loss, and whether it takes distances of pairs or labelled embeddings."""

    name: str
    make: Callable[..., keras.losses.Loss]
    pairs: bool = False

    def __str__(self) -> str:
        return self.name

    def data(self, batch=8, seed=0):
        """Labels and predictions."""
        rng = np.random.default_rng(seed)
        if self.pairs:
            distances = 2 * rng.random((batch, 1), "float32")
            return rng.integers(0, 2, batch), distances
        return rng.integers(0, 3, batch), rng.standard_normal((batch, 3), "float32")

    def model(self, dtype=None, **compiling):
        """A compiled model from vectors of size 6 to what the loss takes."""
        x = inputs = keras.Input((6,))
        if self.pairs:
            encoder = keras.layers.Dense(3, dtype=dtype)
            merge = kb.SiameseEncoder(encoder, "euclidean", dtype=dtype)
            x = merge([x[:, :3], x[:, 3:]])
        else:
            x = keras.layers.Dense(3, dtype=dtype)(x)
        model = keras.Model(inputs, x)
        model.compile(keras.optimizers.SGD(0.01), self.make(), **compiling)
        return model


TABLE = [
    Row("Contrastive", Contrastive, pairs=True),
    Row("Contrastive_margin", partial(Contrastive, 0.3), pairs=True),
    Row("Triplet", Triplet),
    Row("Triplet_semi-hard_cosine", partial(Triplet, "semi-hard", 0.5, "cosine")),
    Row("Triplet_hard", partial(Triplet, "hard", 0.5)),
    Row("Triplet_all", partial(Triplet, "all", 0.5)),
    Row("Triplet_all_squared", partial(Triplet, "all", 0.5, "squared_euclidean")),
    Row("InfoNCE", InfoNCE),
    Row("InfoNCE_sharp", partial(InfoNCE, 0.01)),
    Row("MultiSimilarity", MultiSimilarity),
    Row("MultiSimilarity_mild", partial(MultiSimilarity, 1.0, 10.0, 0.7, 0.3)),
]
