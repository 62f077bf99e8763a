"""Why the laptop does not start: each message says what is wrong and what to do."""


class LaunchError(Exception):
    """The laptop can't be started, or not as it is set."""
