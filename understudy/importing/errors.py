"""Why something can't become a version."""


class ImportingError(ValueError):
    """The message names the argument that is wrong, and says what to do about it."""

    def __init__(self, argument: str, problem: str) -> None:
        super().__init__(f"{argument}: {problem}")
        self.argument = argument


class UnclearError(Exception):
    """No signature follows from the files; the text says why, and what would help."""
