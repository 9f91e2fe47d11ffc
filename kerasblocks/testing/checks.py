"""The laws of a layer, each a function of a case, in the order they are tried.

Each is usable alone: `check_build(case(MyLayer, (None, 4)))` raises an AssertionError
where the layer breaks the law, and `unittest.SkipTest`, which pytest knows, where the
law says nothing of the layer.
"""

from kerasblocks.testing.law import Law
from kerasblocks.testing.laws.build import (
    check_build,
    check_tracking,
    check_used_twice,
    check_weight_paths,
)
from kerasblocks.testing.laws.compiled import check_graph, check_jit
from kerasblocks.testing.laws.config import (
    check_base_arguments,
    check_config_is_json,
    check_config_is_not_shared,
    check_instances_share_nothing,
)
from kerasblocks.testing.laws.constructor import (
    check_nonsense_is_refused,
    check_unknown_argument,
)
from kerasblocks.testing.laws.data_formats import check_data_formats
from kerasblocks.testing.laws.inference import (
    check_inference_changes_no_state,
    check_inference_is_deterministic,
    check_samples_are_independent,
)
from kerasblocks.testing.laws.inputs import (
    check_dict_order,
    check_inputs_are_unchanged,
)
from kerasblocks.testing.laws.masks import (
    check_mask_shape,
    check_padding_does_not_leak,
    check_padding_is_no_step,
)
from kerasblocks.testing.laws.policies import (
    check_dtype_policies,
    check_integer_inputs,
    check_long_inputs,
    check_sublayer_policies,
)
from kerasblocks.testing.laws.round_trip import (
    check_config_is_complete,
    check_config_round_trip,
)
from kerasblocks.testing.laws.saving import (
    check_saved_model,
    check_weights_file,
    check_weights_round_trip,
)
from kerasblocks.testing.laws.shapes import (
    check_batch_sizes,
    check_call,
    check_declared_output,
    check_sizes_at_build,
    check_symbolic_output,
    check_unknown_sizes,
)
from kerasblocks.testing.laws.spaces import check_configurations
from kerasblocks.testing.laws.training import (
    check_frozen_state,
    check_gradients,
    check_losses,
    check_random_training,
    check_regularizers_and_constraints,
    check_state_moves,
    check_training_argument,
)
from kerasblocks.testing.laws.values import check_large_values, check_zeros

CHECKS: tuple[Law, ...] = (
    check_call,
    check_symbolic_output,
    check_declared_output,
    check_batch_sizes,
    check_unknown_sizes,
    check_sizes_at_build,
    check_build,
    check_tracking,
    check_weight_paths,
    check_used_twice,
    check_config_is_json,
    check_config_round_trip,
    check_config_is_complete,
    check_config_is_not_shared,
    check_base_arguments,
    check_instances_share_nothing,
    check_weights_round_trip,
    check_weights_file,
    check_saved_model,
    check_inference_is_deterministic,
    check_inference_changes_no_state,
    check_samples_are_independent,
    check_training_argument,
    check_frozen_state,
    check_state_moves,
    check_gradients,
    check_random_training,
    check_losses,
    check_regularizers_and_constraints,
    check_graph,
    check_jit,
    check_dtype_policies,
    check_sublayer_policies,
    check_integer_inputs,
    check_long_inputs,
    check_mask_shape,
    check_padding_does_not_leak,
    check_padding_is_no_step,
    check_data_formats,
    check_dict_order,
    check_inputs_are_unchanged,
    check_unknown_argument,
    check_nonsense_is_refused,
    check_large_values,
    check_zeros,
    check_configurations,
)

__all__ = ["CHECKS", *(check.__name__ for check in CHECKS)]  # pyright: ignore
