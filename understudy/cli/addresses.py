"""Where the command line finds a laptop's services."""

from understudy.client.addresses import FILE, Addresses

__all__ = ["FILE", "Addresses"]
