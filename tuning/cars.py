"""Search a network that tells a car's miles per gallon, and where it was built.

    pip install vega-datasets
    kerasblocks search tuning/cars.py

A table with two heads: from arrays, `study_for` makes the hypermodel and the parts to
train, validate and test on. The two heads are two objectives, so that the search ends
with a front of models: for none of them is there one better at both.
"""

import json

import numpy as np
from vega_datasets import data

import kerasblocks as kb

NUMBERS = ("Cylinders", "Displacement", "Horsepower", "Weight_in_lbs", "Acceleration")
ORIGINS = ("Europe", "Japan", "USA")

cars = json.loads(data.cars.raw())
numbers = np.array([[car[name] for name in NUMBERS] for car in cars], "float32")
years = np.array([[float(car["Year"][:4])] for car in cars], "float32")
x = np.concatenate([numbers, years], axis=1)
x = np.where(np.isnan(x), np.nanmean(x, axis=0), x)  # the power of some is unknown
y = {
    # Unknown for some as well: a head learns from the cars that have a label.
    "mpg": np.array([car["Miles_per_Gallon"] for car in cars], "float32"),
    "origin": np.array([ORIGINS.index(car["Origin"]) for car in cars]),
}

study = kb.hypermodels.study_for(
    x,
    y,
    name="cars",
    objective=["val_mpg_mean_absolute_error", "val_origin_sparse_categorical_accuracy"],
    trials=20,
    epochs=40,
)
