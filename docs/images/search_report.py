"""The pictures of docs/search-report.md, of a real search on scikit-learn's digits.

    python docs/images/search_report.py

runs the study below with two workers (some minutes), writes its report, copies the
charts beside this file and photographs the page with Chromium. The study is a careless
one, so that there is something to report: its learning rates may be too great, and its
deepest networks halve 8 pixels more often than they can be.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerasblocks as kb

HERE = Path(__file__).parent
RUN = Path("runs/digits-report")
CHARTS = ("history", "curves", "importance", "parallel", "pareto-1", "timeline")
LARGEST = 150_000


def data():
    """60 % to train on, 20 % to score trials on, 20 % that no trial sees."""
    x, y = load_digits(return_X_y=True)
    x = x.reshape(-1, 8, 8, 1).astype("float32") / 16
    x, x_test, y, y_test = train_test_split(
        x, y, test_size=0.2, stratify=y, random_state=0
    )
    x, x_val, y, y_val = train_test_split(
        x, y, test_size=0.25, stratify=y, random_state=0
    )
    return kb.search.Splits((x, y), (x_val, y_val), (x_test, y_test))


def build(hp):
    """Some stages of convolution and pooling."""
    filters = hp.Choice("filters", [8, 16, 32])
    normalization = hp.Choice("normalization", ["batch", "layer", "none"])
    layers = [keras.Input((8, 8, 1))]
    for _ in range(hp.Int("stages", 1, 4)):
        chosen = None if normalization == "none" else normalization
        layers.append(kb.ConvBlock(filters, 3, normalization=chosen))
        layers.append(keras.layers.MaxPooling2D(2))
    dropout = keras.layers.Dropout(hp.Float("dropout", 0.0, 0.6, step=0.1))
    head = keras.layers.Dense(10, activation="softmax")
    model = keras.Sequential([*layers, keras.layers.Flatten(), dropout, head])
    rate = hp.Float("learning_rate", 1e-4, 30.0, sampling="log")
    name = hp.Choice("optimizer", ["adam", "sgd"])
    if name == "sgd":
        with hp.conditional_scope("optimizer", ["sgd"]):
            momentum = hp.Float("momentum", 0.0, 0.9)
        optimizer = keras.optimizers.SGD(rate, momentum)
    else:
        optimizer = keras.optimizers.Adam(rate)
    model.compile(
        optimizer,
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )
    return model


study = kb.search.Study(
    name="digits-report",
    hypermodel=build,
    data=data,
    objective=["val_accuracy", "parameters"],
    trials=48,
    epochs=6,
    batch_size=64,
    max_failures=10,
)


def photograph(page: Path, picture: Path, width: int, height: int, dark: bool):
    """Chromium's windows are no narrower than 500: the page stands in a frame."""
    with tempfile.TemporaryDirectory() as folder:
        host = Path(folder) / "host.html"
        frame = f'width="{width}" height="{height}" src="{page.resolve().as_uri()}"'
        host.write_text(
            f'<body style="margin: 0"><iframe style="border: 0" {frame}></iframe>'
        )
        subprocess.run(
            [
                shutil.which("chromium") or "chromium",
                *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                f"--blink-settings=preferredColorScheme={0 if dark else 1}",
                f"--window-size={max(width, 500)},{height}",
                f"--screenshot={picture.resolve()}",
                host.as_uri(),
            ],
            check=True,
            capture_output=True,
        )
    from PIL import Image

    Image.open(picture).crop((0, 0, width, height)).save(picture)


def small(picture: Path):
    """Make a picture that is too large one of fewer colours."""
    from PIL import Image

    image = Image.open(picture).convert("RGB")
    image.save(picture, optimize=True)
    if picture.stat().st_size >= LARGEST:
        image.quantize(160).save(picture, optimize=True)
    assert picture.stat().st_size < LARGEST, picture


def main():
    """Search, report, copy, photograph."""
    steps = (
        ["search", __file__, "--workers", "2", "--out", str(RUN)],
        ["report", str(RUN)],
    )
    for arguments in steps:
        subprocess.run(["kerasblocks", *arguments], check=True)
    page = RUN / "report.html"
    pictures = [HERE / f"report-{name}.png" for name in CHARTS]
    for name, picture in zip(CHARTS, pictures, strict=True):
        shutil.copy(RUN / "report" / f"{name}.png", picture)
    for name, width, dark in (
        ("page", 1180, False),
        ("dark", 1180, True),
        ("phone", 360, True),
    ):
        pictures.append(HERE / f"report-{name}.png")
        photograph(page, pictures[-1], width, 1500 if width > 500 else 1300, dark)
    for picture in pictures:
        small(picture)


if __name__ == "__main__":
    main()
