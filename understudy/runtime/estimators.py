"""Manners of fitted estimators, whatever library they come from."""

from typing import Any


def use_one_thread(model: Any) -> None:
    """Set every `n_jobs` of a model and its parts to 1.

    Threads make single rows several times slower, and processes of its own would each need the
    memory that the asking process may take.
    """
    if not hasattr(model, "get_params"):
        return
    jobs = [name for name in model.get_params(deep=True) if name.split("__")[-1] == "n_jobs"]
    if jobs:
        model.set_params(**dict.fromkeys(jobs, 1))
