"""What the answers hang on: each of these is one part of a review."""

from services.registry.adapters.reviewing.explaining_alone import alone_of
from services.registry.adapters.reviewing.explaining_dependence import dependences_of
from services.registry.adapters.reviewing.explaining_importances import importances_of
from services.registry.adapters.reviewing.explaining_missing import without_of

__all__ = ["alone_of", "dependences_of", "importances_of", "without_of"]
