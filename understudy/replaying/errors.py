"""What keeps a replay from its end."""

from understudy.client import ClientError


class ReplayFailedError(ClientError):
    """The model could not be loaded or asked, or history could not be read."""
