"""What a process is called where several report to one place."""

import os
import socket


def instance_name() -> str:
    """`host:pid`: unique among the processes of an installation, and found again in their logs."""
    return f"{socket.gethostname()}:{os.getpid()}"
