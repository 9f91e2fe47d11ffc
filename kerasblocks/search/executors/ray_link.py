"""The connection to a Ray cluster: one of our own on this machine, or one there is."""

from __future__ import annotations

import logging
import math
import os
import re
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from typing import Any, NamedTuple

from kerasblocks.search.errors import ExecutorLost
from kerasblocks.search.executors.ray_scratch import scratch

# Looks, a second or more apart. Ray itself gives up after 60 s, and then ends the
# process that uses it.
_MISSED = 8
_CONNECT = 3.0
_TOKEN = (
    "; it asks for a token: set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN, or "
    "RAY_AUTH_TOKEN_PATH, as on its nodes"
)
_LOOPBACK = "127.0.0.1"


class Node(NamedTuple):
    """A node of the cluster that is alive."""

    id: str
    address: str
    port: int
    cpus: float
    gpus: float

    def holds(self, cpus: float, gpus: float) -> int:
        """How many workers of so many CPUs and GPUs it has room for."""
        least = self.cpus / cpus
        return int(min(least, self.gpus / gpus) if gpus else least)


class Link:
    """A connection, held from the constructor to `close`.

    Args:
        address: As `Ray` takes it.
        cpus: How many CPUs a cluster of our own is to offer; None for all.

    Raises:
        ImportError: Ray is not installed.
        ValueError: The address is none.
        ConnectionError: No cluster answers there.
    """

    def __init__(self, address: str | None, cpus: float | None) -> None:
        local = address == "local" or (address is None and not _named())
        _prepare(local)
        try:
            import ray
        except ImportError as error:
            raise ImportError(
                'Ray: the package ray is not installed: pip install "kerasblocks[ray]"'
            ) from error
        self._ray = ray
        self._stack = ExitStack()
        self.own = False
        self._joined = ray.is_initialized()
        if self._joined:
            if address not in (None, "auto"):
                raise ValueError(
                    "Ray: 'address' must be None where this process is connected to "
                    f"a cluster already, got {address!r}"
                )
        elif local:
            self.own = True
            self._start(cpus)
        else:
            self._connect(address or os.environ["RAY_ADDRESS"])
        context = ray.get_runtime_context()
        self.address = str(context.gcs_address)
        self._watched = [_endpoint(self.address)]
        mine = context.get_node_id()
        self._watched += [
            (node.address, node.port) for node in self.nodes() if node.id == mine
        ]
        self._looked_at, self._missed = time.monotonic(), 0

    def nodes(self) -> list[Node]:
        """Return the nodes that are alive."""
        return [
            Node(
                each["NodeID"],
                each["NodeManagerAddress"],
                each["NodeManagerPort"],
                each["Resources"].get("CPU", 0.0),
                each["Resources"].get("GPU", 0.0),
            )
            for each in self._ray.nodes()
            if each["Alive"]
        ]

    def check(self) -> None:
        """See, once a second, that the cluster is there.

        Raises:
            ExecutorLost: It has not been for some seconds.
        """
        if time.monotonic() - self._looked_at >= 1:
            error = self.unreachable()
            self._looked_at = time.monotonic()
            # Counted, not timed: it is not to answer while nobody looks.
            self._missed = self._missed + 1 if error else 0
            if self._missed >= _MISSED:
                raise ExecutorLost(
                    f"Ray: the cluster at {self.address} is gone ({error}); what had "
                    "finished is kept, and the search goes on from there when it is "
                    "run again on a cluster that is up"
                )

    def unreachable(self) -> str:
        """Say what goes wrong in reaching the cluster; an empty string if nothing.

        To be asked before Ray is asked for anything that its head node does: it
        waits for that for a minute.
        """
        for host, port in self._watched:
            try:
                socket.create_connection((host, port), timeout=1).close()
            except OSError as error:
                return f"{host}:{port}: {error}"
        return ""

    def close(self) -> None:
        """Disconnect; end the cluster if it is our own."""
        if not self._joined and self._ray.is_initialized():
            with _hushed() if self.unreachable() else nullcontext():
                self._ray.shutdown()
        self._stack.close()

    def _start(self, cpus: float | None) -> None:
        # Unix sockets, whose paths are short, lie in it.
        folder = self._stack.enter_context(
            scratch(os.environ.get("RAY_TMPDIR", "/tmp"))
        )
        try:
            self._init(
                "local",
                num_cpus=None if cpus is None else math.ceil(cpus),
                include_dashboard=False,
                _node_ip_address=_LOOPBACK,
                _temp_dir=str(folder),
            )
        except BaseException:
            self._stack.close()
            raise

    def _connect(self, address: str) -> None:
        if address.startswith("ray://"):
            raise ValueError(
                "Ray: 'address' must be HOST:PORT of a cluster that this machine is "
                f"part of (ray start --address=HOST:PORT --num-cpus=0), got {address!r}"
            )
        if address != "auto":
            probe(address)
        try:
            self._init(address)
        except (Exception, SystemExit) as error:
            told = f"{error} {error.__cause__}"
            hint = _TOKEN if "AuthToken" in told or "Authentication" in told else ""
            raise ConnectionError(
                f"Ray: no connection to the cluster at {address!r}: {error}{hint}"
            ) from error

    def _init(self, address: str, **options: Any) -> None:
        with _hushed():
            self._ray.init(
                address=address,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                **options,
            )


def _prepare(local: bool) -> None:
    """Set what Ray reads as it is imported."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # It writes to standard output that a worker died, which the driver says itself.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".*")
    # Loopback is open to everyone on this machine, and who can talk to Ray can run
    # code. A token keeps others out; Ray's own default would put one in ~/.ray.
    if local and "ray" not in sys.modules and "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def _named() -> bool:
    return os.environ.get("RAY_ADDRESS", "local") not in ("", "local")


def _endpoint(address: str) -> tuple[str, int]:
    found = re.fullmatch(r"\[?([^\s/\]]+)\]?:(\d{1,5})", address)
    if found is None or int(found[2]) > 65535:
        raise ValueError(
            "Ray: 'address' must be None, 'local', 'auto' or HOST:PORT, "
            f"got {address!r}"
        )
    return found[1], int(found[2])


def probe(address: str) -> None:
    """See that something answers as Ray does: Ray itself takes two minutes for it."""
    host, port = _endpoint(address)
    try:
        with socket.create_connection((host, port), timeout=_CONNECT) as channel:
            channel.settimeout(_CONNECT)
            # Ray speaks gRPC: HTTP/2, where each side begins with a frame of settings.
            channel.sendall(
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\4" + bytes(5)
            )
            begun = b""
            while len(begun) < 4 and (more := channel.recv(9)):
                begun += more
    except OSError as error:
        raise ConnectionError(
            f"Ray: no cluster answers at {address!r}: {error or type(error).__name__}"
        ) from error
    if begun[3:4] != b"\4":
        raise ConnectionError(
            f"Ray: what answers at {address!r} is no Ray cluster (it began with "
            f"{begun[:9]!r})"
        )


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep what native code writes from the user's terminal: Ray has no other way."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        with suppress(Exception):
            sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
