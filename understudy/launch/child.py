"""Becomes another program that is told to stop when the launcher dies, however it dies.

Started as `python -m understudy.launch.child PARENT_PID PROGRAM ARGUMENT…`. The kernel keeps the
wish through `exec`, so nothing of this module is left in the program's process.
"""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Ask for the signal, then become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    # SIGTERM, not SIGKILL: what stops cleanly also takes its own children along.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
    if os.getppid() != parent:
        sys.exit("the launcher is gone")
    os.execvp(program[0], program)  # noqa: S606 - the plan's own command line


if __name__ == "__main__":
    main()
