"""A worker's process as its driver sees it: pipes, a log, a beginning and an end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from kerasblocks.search.trial import dumps

PROGRAM = Path(__file__).with_name("worker.py")
_LINES, _BYTES = 60, 16_384


class Process:
    """One process, started at once; no call on it waits for what it does.

    Args:
        name: The worker's name.
        study: What `pack` gave.
        environment: Variables beside those of this process.
        log: The file that it writes to, or None for one that goes with it.
    """

    def __init__(
        self,
        name: str,
        study: bytes,
        environment: dict[str, str],
        log: Path | None,
    ) -> None:
        self.closed = False
        self.unreadable: bytes | None = None
        self._unread = b""
        self._unsent: deque[memoryview] = deque()
        self._over = False
        self._anonymous = log is None
        self._log = _nameless() if log is None else log.open("ab+")
        self._mark = self._size()
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        theirs_life, self._life = os.pipe()
        theirs = (theirs_in, theirs_out, theirs_life)
        try:
            self._popen = subprocess.Popen(
                # -P: the program's folder holds modules that are not for import.
                [sys.executable, "-P", PROGRAM]
                + [str(each) for each in (*theirs, os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env={**os.environ, **environment},
                pass_fds=theirs,
                # A group of its own, to be ended with all its children.
                start_new_session=True,
            )
        except BaseException:
            self._close()
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        path = [os.path.abspath(entry) for entry in sys.path]
        self.send({"name": name, "path": path, "size": len(study)}, study)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    @property
    def reading(self) -> int:
        """The descriptor to wait on for `receive`."""
        return self._in

    @property
    def writing(self) -> int | None:
        """The descriptor to wait on for `flush`, or None if all was sent."""
        return self._out if self._unsent else None

    def send(self, message: dict[str, Any], data: bytes = b"") -> None:
        """Send a line, and bytes after it, now or as `flush` is called."""
        line = dumps(message).encode() + b"\n"
        self._unsent += (memoryview(part) for part in (line, data) if part)
        self.flush()

    def flush(self) -> None:
        """Send what the pipe takes of what was not sent yet."""
        try:
            while self._unsent:
                part = self._unsent[0][os.write(self._out, self._unsent[0]) :]
                if part:
                    self._unsent[0] = part
                else:
                    self._unsent.popleft()
        except BlockingIOError:
            pass
        except OSError:
            # Nobody reads any more: that it ended is found out by reading.
            self._unsent.clear()

    def receive(self) -> list[dict[str, Any]]:
        """Return the messages that are there.

        Sets `closed` where no more can come, and `unreadable` where what came is
        no message.
        """
        while not self.closed:
            try:
                data = os.read(self._in, 2**20)
            except BlockingIOError:
                break
            self._unread += data
            self.closed = not data
        *lines, self._unread = self._unread.split(b"\n")
        messages = []
        for line in lines:
            try:
                messages.append({**json.loads(line)})
            except (ValueError, TypeError):
                self.unreadable = self.unreadable or line
        return messages

    def mark(self) -> None:
        """Begin a new part of the log, which `tail` is to tell of."""
        if self._anonymous:
            self._log.truncate(0)
        self._mark = self._size()

    def tail(self) -> str:
        """Return the last lines that the process wrote since `mark`."""
        size = self._size()
        begin = max(min(self._mark, size), size - _BYTES)
        text = os.pread(self._log.fileno(), size - begin, begin)
        return "\n".join(text.decode(errors="replace").splitlines()[-_LINES:])

    def dump_stack(self, patience: float = 1.0) -> None:
        """Have the stack of each of its threads written to its log."""
        before, until = self._size(), time.monotonic() + patience
        with contextlib.suppress(OSError):
            self._popen.send_signal(signal.SIGUSR1)
        while self._size() == before and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.1)

    @property
    def returncode(self) -> int | None:
        """As `subprocess.Popen` has it; None while the process is there."""
        return self._popen.poll()

    def ended(self, patience: float = 0.0) -> bool:
        """Whether the process is gone, or goes within so many seconds."""
        if patience:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(patience)
        return self.returncode is not None

    def leave(self) -> None:
        """Ask an idle process to end."""
        if self._out >= 0:
            os.close(self._out)
            self._out = -1

    def terminate(self) -> None:
        """Ask a busy process to end, with its children."""
        self._kill(signal.SIGTERM)

    def end(self, patience: float = 0.0) -> None:
        """Wait for its end, and kill what is left after that, children included."""
        if not self._over:
            self.ended(patience)
            self._kill(signal.SIGKILL)
            self._popen.wait()
            self._over = True
            self._close()

    def _kill(self, number: signal.Signals) -> None:
        if not self._over:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, number)
            self._popen.send_signal(number)

    def _size(self) -> int:
        return os.fstat(self._log.fileno()).st_size

    def _close(self) -> None:
        self._log.close()
        for descriptor in (self._in, self._out, self._life):
            if descriptor >= 0:
                os.close(descriptor)
        self._in = self._out = self._life = -1


def stop(processes: Iterable[Process], patience: float) -> None:
    """End processes that were asked to, all within one time.

    Args:
        processes: The processes.
        patience: Seconds after which those that are left are killed.
    """
    until = time.monotonic() + patience
    for process in processes:
        process.end(max(0.0, until - time.monotonic()))


def _nameless() -> IO[bytes]:
    """A file to append to that goes with the last who has it open."""
    with tempfile.TemporaryDirectory() as folder:
        return (Path(folder) / "log").open("ab+")
