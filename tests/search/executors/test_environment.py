import pytest

from kerasblocks.search.executors.environment import environment


def variables(index, workers, given=(), cores=8):
    return environment(index, workers, "jax", dict(given), cores)


@pytest.mark.parametrize(
    ("workers", "cores", "share"), [(1, 8, "8"), (3, 8, "2"), (2, 1, "1"), (8, 8, "1")]
)
def test_cores_are_shared_out(workers, cores, share):
    found = variables(0, workers, cores=cores)
    names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    assert [found[name] for name in names] == [share] * 3
    assert found["KERAS_BACKEND"] == "jax"
    assert ("XLA_FLAGS" in found) == (share == "1")


def test_what_the_user_set_stays():
    given = {"OMP_NUM_THREADS": "5", "XLA_FLAGS": "--xla_a=1"}
    found = variables(0, 8, given)
    assert "OMP_NUM_THREADS" not in found
    assert found["TF_NUM_INTRAOP_THREADS"] == "1"
    assert found["XLA_FLAGS"] == "--xla_a=1 --xla_cpu_multi_thread_eigen=false"
    given = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=true"}
    assert "XLA_FLAGS" not in variables(0, 8, given)


@pytest.mark.parametrize(
    ("given", "workers", "shares"),
    [
        ("0,1", 2, ["0", "1"]),
        ("4, 5,6", 2, ["4,6", "5"]),
        ("0,1", 3, ["0", "1", "0"]),
        ("GPU-a,GPU-b", 2, ["GPU-a", "GPU-b"]),
        # The one GPU, or none, is everyone's: the variable stays as it is.
        ("3", 2, [None, None]),
        ("", 2, [None, None]),
    ],
)
def test_gpus_are_shared_out(given, workers, shares):
    given = {"CUDA_VISIBLE_DEVICES": given}
    found = [variables(i, workers, given) for i in range(workers)]
    assert [each.get("CUDA_VISIBLE_DEVICES") for each in found] == shares


def test_memory_grows_as_needed_where_workers_share_a_gpu():
    names = {"TF_FORCE_GPU_ALLOW_GROWTH", "XLA_PYTHON_CLIENT_PREALLOCATE"}
    assert names <= set(variables(0, 2, {"CUDA_VISIBLE_DEVICES": "0"}))
    assert not names & set(variables(0, 2, {"CUDA_VISIBLE_DEVICES": "0,1"}))
