"""How models fail us."""


class UnfitModelError(Exception):
    """The artifact's model can't answer for the signature."""


class RefusedRowsError(ValueError):
    """Rows that the original model would refuse too."""
