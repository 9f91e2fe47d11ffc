"""What every test, doctests included, runs under."""

import gc
import os

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# What a test compiles runs once or twice: compiling fast matters more. (Not by
# xla_backend_optimization_level=0, under which XLA makes NaN of some gradients.)
if os.environ.get("KERAS_BACKEND") == "jax":
    os.environ.setdefault(
        "XLA_FLAGS",
        "--xla_llvm_disable_expensive_passes=true --xla_cpu_multi_thread_eigen=false",
    )
if "PYTEST_XDIST_WORKER" in os.environ:
    # There is a worker for each core: one thread each is the fastest.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

# TensorFlow speaks on standard error as it loads, before it can be told not to.
_stderr = os.dup(2)
with open(os.devnull, "w") as _nowhere:
    os.dup2(_nowhere.fileno(), 2)
import keras

os.dup2(_stderr, 2)
os.close(_stderr)

import pytest
from hypothesis import HealthCheck, Phase, settings

# Explaining a failure reruns the test under a line tracer, which takes minutes
# with a backend underneath.
_PHASES = tuple(phase for phase in Phase if phase is not Phase.explain)
_COMMON = {
    "deadline": None,
    "phases": _PHASES,
    "print_blob": True,
    "suppress_health_check": [HealthCheck.too_slow],
}
settings.register_profile("ci", max_examples=15, derandomize=True, **_COMMON)
settings.register_profile("thorough", max_examples=300, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_report_header() -> str:
    return f"keras: {keras.__version__} on {keras.backend.backend()}"


def pytest_collection_finish():
    """What is imported by now stays: collections of garbage need not go over it.

    Each trial of a search collects, which took as long as the rest of the trial.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _fresh_keras():
    """Gives each test the same seeds, and takes back what it set globally."""
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    keras.config.set_image_data_format("channels_last")
    # Without the garbage collection, which takes longer than most tests.
    keras.utils.clear_session(free_memory=False)


def pytest_terminal_summary(terminalreporter):
    """Says how many shapes the fuzz has tried: see tests/blocks/conftest.py."""
    counts = {"run": 0, "declared": 0}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "teardown":
                for name, count in report.user_properties:
                    if name.startswith("shapes "):
                        counts[name.removeprefix("shapes ")] += count
    if any(counts.values()):
        terminalreporter.write_line(
            f"shapes tried: {counts['run']:,} run, and {counts['declared']:,} more "
            "declared and compared"
        )
