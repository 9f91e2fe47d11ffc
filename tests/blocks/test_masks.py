"""Masks come out of the wirings where the same layers by hand would give them."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerasblocks as kb
from tests.table import arrays, assert_close, assert_equal

TOKENS = np.array([[3, 1, 2, 4, 0, 0], [2, 0, 0, 0, 0, 0], [1, 2, 3, 4, 3, 2]], "int32")
OTHERS = np.array([[1, 1, 0, 0, 0, 0], [4, 2, 3, 0, 0, 0], [1, 0, 0, 0, 0, 0]], "int32")
LENGTHS = [4, 1, 6]


def embedding():
    return layers.Embedding(5, 3, mask_zero=True)


def sequences(units=3):
    return layers.LSTM(units, return_sequences=True)


def mask_of(tensor):
    return getattr(tensor, "_keras_mask", None)


def chain(*layers_):
    return lambda x: _chain(layers_, x)


def _chain(layers_, x):
    for layer in layers_:
        x = layer(x)
    return x


def over_sequences():
    """Pairs of a block over masked sequences and the same by hand."""
    dense, lstm, gru = layers.Dense(3), sequences(), layers.GRU(3)
    yield "chain", kb.Chain([lstm, dense]), chain(lstm, dense)
    yield "chain_of_none", kb.Chain([]), lambda x: x
    yield "chain_to_a_vector", kb.Chain([dense, gru]), chain(dense, gru)
    drop, norm = layers.Dropout(0.5), layers.LayerNormalization()
    yield "chain_of_many", kb.Chain([norm, drop, dense]), chain(norm, drop, dense)
    pool = layers.GlobalAveragePooling1D()
    yield "chain_to_a_pooling", kb.Chain([lstm, pool]), chain(lstm, pool)
    both = layers.Bidirectional(sequences(2))
    timed = layers.TimeDistributed(layers.Dense(3))
    yield "chain_of_wrappers", kb.Chain([both, timed]), chain(both, timed)
    merges = {
        "concatenate": layers.Concatenate,
        "add": layers.Add,
        "average": layers.Average,
        "multiply": layers.Multiply,
        "maximum": layers.Maximum,
        "minimum": layers.Minimum,
    }
    for name, merge in merges.items():
        one, two = sequences(), layers.Dense(3)
        yield (
            f"parallel_{name}",
            kb.Parallel([one, two, []], name),
            lambda x, one=one, two=two, merge=merge: merge()([one(x), two(x), x]),
        )
    yield "parallel_of_one", kb.Parallel([lstm]), lstm
    yield (
        "parallel_to_vectors",
        kb.Parallel([gru, [dense, pool]]),
        lambda x: layers.Concatenate()([gru(x), pool(dense(x))]),
    )
    yield "residual", kb.Residual([lstm, dense]), _added(lstm, dense)
    wide, project = sequences(5), layers.Dense(5)
    yield (
        "residual_given",
        kb.Residual(wide, shortcut=project),
        lambda x: layers.Add()([wide(x), project(x)]),
    )
    projected = kb.Residual(sequences(4))
    yield (
        "residual_projected",
        projected,
        lambda x: layers.Add()([projected.branch_layer(x), projected.projection(x)]),
    )
    inner, outer = sequences(), sequences()
    yield (
        "nested",
        kb.Residual([kb.Parallel([inner, []], "add"), kb.Chain([outer])]),
        lambda x: layers.Add()([outer(layers.Add()([inner(x), x])), x]),
    )


def whose_mask_ends():
    """Layers of Keras that say that they drop a mask."""
    x = keras.Input((None, 3))
    return {
        "Conv1D": layers.Conv1D(3, 3, padding="same"),
        "Sequential": keras.Sequential([sequences(), layers.Dense(3)]),
        "Functional": keras.Model(x, layers.Dense(3)(sequences()(x))),
    }


@pytest.mark.parametrize("name", ["Conv1D", "Sequential", "Functional"])
def test_a_layer_that_drops_masks_says_so_inside_a_block_too(name):
    x, layer = embedding()(TOKENS), whose_mask_ends()[name]
    with pytest.warns(UserWarning, match="does not support masking"):
        theirs = layers.Add()([layer(x), x])
    with pytest.warns(UserWarning, match="does not support masking"):
        ours = kb.Residual(layer)(x)
    assert_equal(ours, theirs)
    assert_same_masks(ours, theirs)


def _added(*layers_):
    return lambda x: layers.Add()([_chain(layers_, x), x])


OVER_SEQUENCES = [name for name, _, _ in over_sequences()]
SOURCES = {
    "embedding": (embedding, TOKENS),
    "masking": (
        layers.Masking,
        (TOKENS != 0)[..., None]
        * np.arange(1.0, 55.0, dtype="float32").reshape(3, 6, 3),
    ),
}


def the(name):
    return next(case[1:] for case in over_sequences() if case[0] == name)


def assert_same_masks(ours, theirs):
    assert (mask_of(ours) is None) == (mask_of(theirs) is None)
    if mask_of(theirs) is not None:
        assert_equal(mask_of(ours), mask_of(theirs))


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", OVER_SEQUENCES)
def test_values_and_masks_are_those_by_hand(name, source):
    make, x = SOURCES[source]
    begin, (block, by_hand) = make(), the(name)
    encoded = begin(x)
    assert mask_of(encoded) is not None
    ours, theirs = block(encoded), by_hand(begin(x))
    assert_equal(ours, theirs)
    assert_same_masks(ours, theirs)


@pytest.mark.parametrize("name", OVER_SEQUENCES)
def test_masks_reach_what_comes_after_in_a_model(name):
    begin, (block, by_hand) = embedding(), the(name)
    ids = keras.Input((None,), dtype="int32")
    ours = block(begin(ids))
    theirs = by_hand(begin(ids))
    if len(ours.shape) == 3:
        after = layers.LSTM(2)
        ours, theirs = after(ours), after(theirs)
    ours, theirs = keras.Model(ids, ours), keras.Model(ids, theirs)
    assert_equal(ours(TOKENS), theirs(TOKENS))
    expanded = kb.expand(ours)
    assert_equal(expanded(TOKENS), theirs(TOKENS))


@pytest.mark.parametrize("name", OVER_SEQUENCES)
def test_the_loss_leaves_out_what_is_masked(name):
    begin, (block, by_hand) = embedding(), the(name)
    ids = keras.Input((None,), dtype="int32")
    losses = []
    for end in (block, by_hand):
        model = keras.Model(ids, end(begin(ids)))
        model.compile(loss="mse", run_eagerly=True)
        y = np.ones(model(TOKENS).shape, "float32")
        losses.append(model.test_on_batch(TOKENS, y))
    assert losses[0] == losses[1]
    assert losses[0] > 0


@pytest.mark.parametrize("name", OVER_SEQUENCES)
def test_padding_does_not_leak(name):
    """A padded batch gives what each sequence alone gives without its padding."""
    begin, (block, _) = embedding(), the(name)
    after = layers.LSTM(2)

    def run(tokens):
        outputs = block(begin(tokens))
        return arrays(after(outputs) if len(outputs.shape) == 3 else outputs)[0]

    whole = run(TOKENS)
    for row, length in enumerate(LENGTHS):
        alone = run(TOKENS[row : row + 1, :length])
        assert_close(whole[row : row + 1], alone)


def test_a_mask_that_begins_inside_a_block_goes_on():
    inside, dense = embedding(), layers.Dense(2)
    ours = kb.Chain([inside, dense])(TOKENS)
    assert_same_masks(ours, dense(inside(TOKENS)))
    assert_equal(mask_of(ours), TOKENS != 0)
    one, other = embedding(), layers.Embedding(5, 3)
    ours = kb.Parallel([one, other], "add")(TOKENS)
    assert_same_masks(ours, layers.Add()([one(TOKENS), other(TOKENS)]))
    both = kb.Parallel([one, embedding()], "concatenate")(TOKENS)
    assert_equal(mask_of(both), TOKENS != 0)


def test_masks_in_a_compiled_model():
    ids = keras.Input((None,), dtype="int32")
    block, _ = the("nested")
    model = keras.Model(ids, layers.LSTM(2)(block(embedding()(ids))))
    assert_close(model.predict(TOKENS, verbose=0), model(TOKENS))


def test_masks_inside_a_block_reach_its_own_layers():
    begin, lstm = embedding(), layers.LSTM(3)
    block = kb.Chain([begin, kb.Chain([lstm])])
    whole = arrays(block(TOKENS))[0]
    for row, length in enumerate(LENGTHS):
        alone = block(TOKENS[row : row + 1, :length])
        assert_close(whole[row : row + 1], alone)


ELEMENTWISE = ["concatenate", "multiply", "average"]
COMPARED = ["absolute_difference", "squared_difference", "dot"]
COMPARED += ["cosine_similarity", "euclidean"]


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("merge", [*ELEMENTWISE, *COMPARED])
def test_siamese_encoder_of_masked_inputs(merge, stacked):
    begin, lstm = embedding(), layers.LSTM(3)
    siamese = kb.SiameseEncoder([begin, lstm], merge=merge, stacked=stacked)
    plain = kb.SiameseEncoder(layers.Identity(), merge=merge)
    expected = plain([lstm(begin(TOKENS)), lstm(begin(OTHERS))])
    assert_close(siamese([TOKENS, OTHERS]), expected)
    outside = kb.SiameseEncoder(lstm, merge=merge, stacked=stacked)
    assert_close(outside([begin(TOKENS), begin(OTHERS)]), expected)


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("merge", ["concatenate", "multiply", "average"])
def test_siamese_encoder_of_sequences_has_the_merged_mask(merge, stacked):
    begin, lstm = embedding(), sequences()
    siamese = kb.SiameseEncoder(lstm, merge=merge, stacked=stacked)
    by_hand = {
        "concatenate": layers.Concatenate,
        "multiply": layers.Multiply,
        "average": layers.Average,
    }[merge]()([lstm(begin(TOKENS)), lstm(begin(OTHERS))])
    ours = siamese([begin(TOKENS), begin(OTHERS)])
    assert_close(ours, by_hand)
    assert_same_masks(ours, by_hand)


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("merge", COMPARED)
def test_a_compared_step_is_valid_where_both_are(merge, stacked):
    begin = embedding()
    siamese = kb.SiameseEncoder(sequences(), merge=merge, stacked=stacked)
    ours = siamese([begin(TOKENS), begin(OTHERS)])
    assert_equal(mask_of(ours), (TOKENS != 0) & (OTHERS != 0))


@pytest.mark.parametrize("stacked", [False, True])
def test_unmerged_encodings_keep_their_masks(stacked):
    begin = embedding()
    siamese = kb.SiameseEncoder(sequences(), merge=None, stacked=stacked)
    for one, tokens in zip(
        siamese([begin(TOKENS), begin(OTHERS)]), (TOKENS, OTHERS), strict=True
    ):
        assert_equal(mask_of(one), tokens != 0)


def test_heads_pass_the_mask_to_each_output():
    begin = embedding()
    heads = kb.MultiHeadOutput(
        {
            "tag": kb.heads.Multiclass(3),
            "score": kb.heads.Regression(hidden=[sequences()]),
            "flag": kb.heads.Binary(),
        }
    )
    for one in heads(begin(TOKENS)).values():
        assert_equal(mask_of(one), TOKENS != 0)
    single = kb.MultiHeadOutput({"tag": kb.heads.Multiclass(3)})
    assert_equal(mask_of(single(begin(TOKENS))["tag"]), TOKENS != 0)


def test_no_mask_comes_from_nowhere():
    x = ops.ones((2, 3, 4))
    blocks = [
        kb.Chain([layers.Dense(3)]),
        kb.Parallel([layers.Dense(3), []]),
        kb.Residual(layers.Dense(3)),
        kb.ConvBlock(3),
        kb.InceptionBlock(2),
    ]
    for block in blocks:
        assert mask_of(block(x)) is None, block
    siamese = kb.SiameseEncoder(layers.Dense(3), "cosine_similarity", stacked=True)
    assert mask_of(siamese([x, x])) is None
