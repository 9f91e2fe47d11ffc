"""What a block is, and what all blocks share.

To write a block, read in this order:

- `composite`: the base class, its `wire` and `child`; `chain` is a small example;
- `block`: what layers share that are not made of other layers;
- `config`: how `get_config` follows from the constructor's signature;
- `arguments`: the checks of arguments, and their error messages;
- `axes`: ranks, data formats and the Keras layers for them;
- `activations`: from a name, a function or a layer to a layer.

`without_values` and `hooks` look at layers without paying for their weights. `_keras`
holds the private names of Keras.
"""
