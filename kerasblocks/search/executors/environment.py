"""What each of several workers gets of the machine: threads and GPUs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    # XLA's pool of threads, for jax.
    "NPROC",
)
_EIGEN = "--xla_cpu_multi_thread_eigen"


def environment(
    index: int,
    workers: int,
    backend: str,
    given: Mapping[str, str] | None = None,
    cores: int | None = None,
) -> dict[str, str]:
    """Return the variables that a worker is started with, beside those there are.

    Each gets its share of the cores and, where there are several, of the GPUs. What
    the user has set stays, and so does a single GPU, which workers then share
    without one taking all of its memory.

    Args:
        index: Which worker, from 0 on.
        workers: Of how many.
        backend: Keras' backend.
        given: The variables that there are, `os.environ` by default.
        cores: How many cores to share out, by default those this process may use.

    Example:
        >>> environment(1, 2, "jax", {}, cores=8)["OMP_NUM_THREADS"]
        '4'
        >>> environment(1, 2, "jax", {"CUDA_VISIBLE_DEVICES": "2,5"}, cores=8)[
        ...     "CUDA_VISIBLE_DEVICES"
        ... ]
        '5'
    """
    given = os.environ if given is None else given
    cores = _cores() if cores is None else cores
    share = max(1, cores // workers)
    settings: dict[str, str] = {name: str(share) for name in _THREADS}
    devices = _devices(given)
    if len(devices) < workers:
        settings["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
        settings["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    settings = {name: text for name, text in settings.items() if name not in given}
    flags = given.get("XLA_FLAGS", "")
    if share == 1 and _EIGEN not in flags:
        settings["XLA_FLAGS"] = f"{flags} {_EIGEN}=false".strip()
    if len(devices) > 1:
        mine = devices[index::workers] or [devices[index % len(devices)]]
        settings["CUDA_VISIBLE_DEVICES"] = ",".join(mine)
    return {**settings, "KERAS_BACKEND": backend}


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _devices(given: Mapping[str, str]) -> list[str]:
    if "CUDA_VISIBLE_DEVICES" in given:
        names = given["CUDA_VISIBLE_DEVICES"].split(",")
        return [name.strip() for name in names if name.strip()]
    nodes = [node.name for node in Path("/dev").glob("nvidia*")]
    count = sum(node.removeprefix("nvidia").isdecimal() for node in nodes)
    return [str(device) for device in range(count)]
