"""Ways to run a folded model on a CPU: each makes a function of a batch of images.

The engines are not dependencies of the package: `pip install onnx onnxruntime tf2onnx
openvino nncf ai-edge-litert` has them all.
"""

from pathlib import Path

import numpy as np

import kerasblocks as kb

CALIBRATION = 32  # images that int8 scales are measured on, beside those that are timed


def graph(model, folder, samples):
    import tensorflow as tf

    run = tf.function(lambda x: model(x, training=False))
    return lambda x: run(tf.constant(x)).numpy()


def folded(model):
    model = kb.fold(model)
    model(np.zeros((1, *model.input_shape[1:]), "float32"))  # Keras exports no other
    return model


def folded_graph(model, folder, samples):
    return graph(kb.fold(model), folder, samples)


def onnx_file(model, folder):
    path = folder / "folded.onnx"
    if not path.exists():
        folded(model).export(str(path), format="onnx", verbose=False)
    return str(path)


def onnx_session(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Threads that wait by spinning would slow the route that is timed next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(path, options)
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def onnx_runtime(model, folder, samples):
    return onnx_session(onnx_file(model, folder))


def onnx_runtime_int8(model, folder, samples):
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Samples(quantization.CalibrationDataReader):
        def __init__(self, name):
            self.batches = iter([{name: x[None]} for x in samples])

        def get_next(self):
            return next(self.batches, None)

    source, ready, path = (
        onnx_file(model, folder),
        str(folder / "ready.onnx"),
        str(folder / "int8.onnx"),
    )
    quant_pre_process(source, ready, skip_symbolic_shape=True)
    import onnx

    name = onnx.load(ready).graph.input[0].name
    quantization.quantize_static(
        ready,
        path,
        Samples(name),
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
    )
    return onnx_session(path)


def openvino_run(converted, precision):
    import openvino

    hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
    compiled = openvino.Core().compile_model(converted, "CPU", hints)
    return lambda x: compiled(x)[0]


def openvino_model(model, folder):
    import openvino

    path = folder / "folded.xml"
    if not path.exists():
        folded(model).export(str(path), format="openvino", verbose=False)
    return openvino.Core().read_model(path)


def openvino(model, folder, samples):
    return openvino_run(openvino_model(model, folder), "f32")


def openvino_bf16(model, folder, samples):
    return openvino_run(openvino_model(model, folder), "bf16")


def openvino_int8(model, folder, samples):
    import nncf

    data = nncf.Dataset([x[None] for x in samples])
    quantized = nncf.quantize(
        openvino_model(model, folder), data, subset_size=len(samples)
    )
    return openvino_run(quantized, "f32")


def litert_run(content):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=2)
    inputs, outputs = (
        interpreter.get_input_details()[0]["index"],
        interpreter.get_output_details()[0]["index"],
    )

    def run(x):
        if list(interpreter.get_input_details()[0]["shape"]) != list(x.shape):
            interpreter.resize_tensor_input(inputs, x.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(inputs, x)
        interpreter.invoke()
        return interpreter.get_tensor(outputs)

    interpreter.allocate_tensors()
    return run


def litert_content(model, folder, **options):
    path = folder / f"{'int8' if options else 'folded'}.tflite"
    folded(model).export(str(path), format="litert", verbose=False, **options)
    return path.read_bytes()


def litert(model, folder, samples):
    return litert_run(litert_content(model, folder))


def litert_int8(model, folder, samples):
    import tensorflow as tf

    return litert_run(
        litert_content(
            model,
            folder,
            optimizations=[tf.lite.Optimize.DEFAULT],
            representative_dataset=lambda: ([x[None]] for x in samples),
        )
    )


ROUTES = {
    "Keras": graph,
    "folded": folded_graph,
    "folded, ONNX Runtime": onnx_runtime,
    "folded, OpenVINO": openvino,
    "folded, LiteRT": litert,
    "folded, OpenVINO bf16": openvino_bf16,
    "folded, ONNX Runtime int8": onnx_runtime_int8,
    "folded, OpenVINO int8": openvino_int8,
    "folded, LiteRT int8": litert_int8,
}


def open_route(name, model, folder, samples):
    """The function of a route; what it writes on the way goes into `folder`."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    return ROUTES[name](model, Path(folder), np.asarray(samples, "float32"))
