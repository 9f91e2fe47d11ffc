"""Ready hypermodels: what to search where the data says what it is.

    network = hypermodels.Network(hypermodels.Images((8, 8, 1)), kb.Multiclass(10))
    study = kb.search.Study(name="digits", hypermodel=network, ...)

`kerasblocks.search.study_for` makes both from the data itself.
"""

from kerasblocks.search.hypermodels.encoder import Encoder
from kerasblocks.search.hypermodels.images import Images
from kerasblocks.search.hypermodels.network import Network
from kerasblocks.search.hypermodels.sequences import Sequences, Tokens
from kerasblocks.search.hypermodels.tables import Tables

__all__ = ["Encoder", "Images", "Network", "Sequences", "Tables", "Tokens"]
