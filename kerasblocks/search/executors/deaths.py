"""How a process ended, in words that say what it may mean."""

from __future__ import annotations

import signal

_MEANINGS = {
    "SIGKILL": "most often the kernel, as memory ran out; or someone",
    "SIGSEGV": "a crash in native code",
    "SIGBUS": "a crash in native code, or a full disk or /dev/shm",
    "SIGABRT": "native code gave up; it may have said why in its last lines",
    "SIGFPE": "native code divided by zero",
    "SIGILL": "native code that was built for another processor",
    "SIGTERM": "someone asked it to end",
    "SIGXCPU": "its limit of processor time",
}


def how(returncode: int | None) -> str:
    """Say how a process ended.

    Args:
        returncode: As `subprocess.Popen` gives it: minus the signal's number, or
            the exit code; None where it is not known.

    Example:
        >>> how(-11)
        'was ended by SIGSEGV (a crash in native code)'
        >>> how(3)
        'left with exit code 3 (the study, or a library, called sys.exit or os._exit)'
    """
    if returncode is None:
        return "is gone"
    if returncode >= 0:
        return (
            f"left with exit code {returncode} "
            "(the study, or a library, called sys.exit or os._exit)"
        )
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = f"signal {-returncode}"
    meaning = _MEANINGS.get(name)
    return f"was ended by {name}" + (f" ({meaning})" if meaning else "")
