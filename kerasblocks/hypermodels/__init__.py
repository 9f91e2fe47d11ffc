"""Ready hypermodels for images, sequences, tables and several inputs.

    digits = hypermodels.Images((8, 8, 1))
    network = hypermodels.Network(digits, kb.heads.Multiclass(10))
    study = kb.search.Study(name="digits", hypermodel=network, ...)

`study_for` makes both from the data itself.
"""

from kerasblocks.hypermodels.encoder import Encoder
from kerasblocks.hypermodels.images import Images
from kerasblocks.hypermodels.network import Network
from kerasblocks.hypermodels.sequences import Sequences, Tokens
from kerasblocks.hypermodels.study_for import study_for
from kerasblocks.hypermodels.tables import Tables

__all__ = ["Encoder", "Images", "Network", "Sequences", "Tables", "Tokens", "study_for"]
