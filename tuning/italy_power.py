"""Search a network for ItalyPowerDemand: is a day's demand of summer or of winter?

    pip install "kerasblocks[optuna]"
    pip install --no-deps aeon
    kerasblocks search tuning/italy_power.py

A ready hypermodel for sequences, with a schedule of the learning rate. Optuna's TPE
chooses the points, and trials that fall behind end early. The series, 24 hours each,
are of the UCR archive and come with the package aeon.
"""

from series import load
from sklearn.model_selection import train_test_split

import kerasblocks as kb
from kerasblocks import spaces
from kerasblocks.hypermodels import Network, Sequences

EPOCHS, BATCH = 60, 8


def data():
    """44 series to train on, 23 to score trials by, and the archive's 1,029 to test."""
    x, y = load("ItalyPowerDemand", "train")
    x, x_validation, y, y_validation = train_test_split(
        x, y, test_size=1 / 3, stratify=y, random_state=0
    )
    return kb.search.Splits(
        train=(x, y),
        validation=(x_validation, y_validation),
        test=load("ItalyPowerDemand", "test"),
    )


network = Network(
    Sequences((24, 1), block=spaces.among("inception", "residual", "plain")),
    kb.heads.Binary(),
    steps=EPOCHS * -(-44 // BATCH),
    # Else a loss would not mean the same in two trials.
    label_smoothing=0.0,
)

study = kb.search.Study(
    name="italy_power",
    hypermodel=network,
    data=data,
    # An accuracy of 23 series has few values, and many models share the best.
    objective="val_loss",
    oracle="tpe",
    pruner="median",
    # For so few series; and a trial takes seconds.
    limits={"parameters": 50_000},
    trials=20,
    epochs=EPOCHS,
    batch_size=BATCH,
)
