"""What can be wrong with a sample."""


class UnusableReferenceError(ValueError):
    """A reference sample lacks what a profile is made of."""
