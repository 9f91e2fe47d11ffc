"""Each loss against its formula, written loop by loop, and against other programs."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasblocks.losses import Contrastive, InfoNCE, MultiSimilarity, Triplet

numbers = st.integers(-20, 20).map(lambda n: n / 8)


@st.composite
def batches(draw):
    """Labels and embeddings, with ties and equal embeddings among them."""
    size, features = draw(st.integers(1, 7)), draw(st.integers(1, 3))
    vector = st.lists(numbers, min_size=features, max_size=features)
    labels = draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))
    embeddings = draw(st.lists(vector, min_size=size, max_size=size))
    return labels, embeddings


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def cosine(a, b):
    lengths = math.sqrt(dot(a, a)) * math.sqrt(dot(b, b))
    return dot(a, b) / lengths if lengths else 0.0


DISTANCES = {
    "euclidean": math.dist,
    "squared_euclidean": lambda a, b: math.dist(a, b) ** 2,
    "cosine": lambda a, b: 1 - cosine(a, b),
}


def mean(values):
    return sum(values) / len(values) if values else 0.0


def partners(labels, anchor):
    """The positives and the negatives of an anchor."""
    positives, negatives = [], []
    for i, label in enumerate(labels):
        if i != anchor:
            (positives if label == labels[anchor] else negatives).append(i)
    return positives, negatives


def all_triplets(labels, d, margin):
    losses = []
    for a in range(len(labels)):
        positives, negatives = partners(labels, a)
        for p in positives:
            for n in negatives:
                if d(a, p) - d(a, n) + margin > 0:
                    losses.append(d(a, p) - d(a, n) + margin)
    return mean(losses)


def hard_triplets(labels, d, margin):
    losses = []
    for a in range(len(labels)):
        positives, negatives = partners(labels, a)
        if positives and negatives:
            farthest = max(d(a, p) for p in positives)
            nearest = min(d(a, n) for n in negatives)
            losses.append(max(0.0, farthest - nearest + margin))
    return mean(losses)


def semi_hard_triplets(labels, d, margin):
    losses = []
    for a in range(len(labels)):
        positives, negatives = partners(labels, a)
        for p in positives:
            if negatives:
                beyond = [d(a, n) for n in negatives if d(a, n) > d(a, p)]
                chosen = min(beyond) if beyond else max(d(a, n) for n in negatives)
                losses.append(max(0.0, d(a, p) - chosen + margin))
    return mean(losses)


TRIPLETS = {
    "all": all_triplets,
    "hard": hard_triplets,
    "semi-hard": semi_hard_triplets,
}


# Cosines of these vectors tie only up to rounding, which decides what is semi-hard.
@pytest.mark.parametrize("distance", ["euclidean", "squared_euclidean"])
@pytest.mark.parametrize("mining", TRIPLETS)
@given(batches(), st.sampled_from([0.25, 1.0]))
def test_triplet(mining, distance, batch, margin):
    labels, embeddings = batch

    def d(i, j):
        return np.float32(DISTANCES[distance](embeddings[i], embeddings[j]))

    expected = TRIPLETS[mining](labels, d, margin)
    loss = Triplet(mining, margin, distance)(labels, embeddings)
    assert float(loss) == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("mining", TRIPLETS)
@pytest.mark.parametrize("seed", range(5))
def test_triplet_of_cosines(mining, seed):
    rng = np.random.default_rng(seed)
    labels, embeddings = rng.integers(0, 3, 9), rng.standard_normal((9, 4))

    def d(i, j):
        return DISTANCES["cosine"](embeddings[i], embeddings[j])

    expected = TRIPLETS[mining](labels, d, 0.2)
    loss = Triplet(mining, 0.2, "cosine")(labels, embeddings)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


@given(st.lists(st.tuples(st.booleans(), numbers.map(abs)), min_size=1, max_size=6))
def test_contrastive(pairs):
    losses = []
    for same, d in pairs:
        losses.append(d**2 / 2 if same else max(0.0, 1.5 - d) ** 2 / 2)
    labels, distances = zip(*pairs, strict=True)
    loss = Contrastive(1.5)(np.array(labels, "f4"), np.array(distances, "f4")[:, None])
    assert float(loss) == pytest.approx(mean(losses), rel=1e-5, abs=1e-6)


@given(batches(), st.sampled_from([0.1, 1.0]))
def test_info_nce(batch, temperature):
    labels, embeddings = batch
    losses = []
    for a in range(len(labels)):
        positives, negatives = partners(labels, a)

        def logit(i, a=a):
            return cosine(embeddings[a], embeddings[i]) / temperature

        total = sum(math.exp(logit(i)) for i in positives + negatives)
        if positives:
            losses.append(mean([math.log(total) - logit(p) for p in positives]))
    loss = InfoNCE(temperature)(labels, embeddings)
    assert float(loss) == pytest.approx(mean(losses), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("seed", range(10))
def test_multi_similarity(seed):
    rng = np.random.default_rng(seed)
    labels, embeddings = rng.integers(0, 3, 9), rng.standard_normal((9, 4))
    alpha, beta, base, epsilon = 1.5, 20.0, 0.4, 0.2
    losses = []
    for a in range(len(labels)):
        positives, negatives = partners(labels, a)
        near = [cosine(embeddings[a], embeddings[p]) for p in positives]
        far = [cosine(embeddings[a], embeddings[n]) for n in negatives]
        pulled = [s for s in near if far and s - epsilon < max(far)]
        pushed = [s for s in far if near and s + epsilon > min(near)]
        losses.append(
            math.log(1 + sum(math.exp(-alpha * (s - base)) for s in pulled)) / alpha
            + math.log(1 + sum(math.exp(beta * (s - base)) for s in pushed)) / beta
        )
    loss = MultiSimilarity(alpha, beta, base, epsilon)(labels, embeddings)
    assert float(loss) == pytest.approx(mean(losses), rel=1e-4)


LABELS = [0, 0, 0, 1, 1, 2, 2, 3]
PAIRED = [0, 0, 1, 1, 2, 2, 3, 3]
EMBEDDINGS = [
    [0.13, -0.13, 0.64],
    [0.1, -0.54, 0.36],
    [1.3, 0.95, -0.7],
    [-1.27, -0.62, 0.04],
    [-2.33, -0.22, -1.25],
    [-0.73, -0.54, -0.32],
    [0.41, 1.04, -0.13],
    [1.37, -0.67, 0.35],
]


# By pytorch-metric-learning 2.9.0: TripletMarginLoss, for "hard" on BatchHardMiner
# with MeanReducer; SupConLoss; NTXentLoss; MultiSimilarityLoss on
# MultiSimilarityMiner. "semi-hard" by the steps of tensorflow-addons'
# TripletSemiHardLoss (commit 02e1240), which pytorch-metric-learning defines
# otherwise.
@pytest.mark.parametrize(
    ("loss", "labels", "expected"),
    [
        (Triplet("all", 1.0), LABELS, 1.1023422),
        (Triplet("hard", 1.0), LABELS, 1.8673553),
        (Triplet("semi-hard", 1.0), LABELS, 0.4874802),
        (Triplet("all", 1.0, "squared_euclidean"), LABELS, 2.8025956),
        (Triplet("hard", 1.0, "squared_euclidean"), LABELS, 3.5492284),
        (Triplet("semi-hard", 1.0, "squared_euclidean"), LABELS, 0.1272499),
        (Triplet("all", 0.2, "cosine"), LABELS, 0.7336085),
        (Triplet("hard", 0.2, "cosine"), LABELS, 1.1639955),
        (InfoNCE(0.1), LABELS, 8.5687675),
        (InfoNCE(0.1), PAIRED, 6.7838402),
        (MultiSimilarity(), LABELS, 1.0433563),
    ],
)
def test_published_implementations(loss, labels, expected):
    values = loss(np.array(labels), np.array(EMBEDDINGS, "float32"))
    assert float(values) == pytest.approx(expected, rel=1e-5)
