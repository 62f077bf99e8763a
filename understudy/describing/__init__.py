"""How a deployment is asked: OpenAPI 3.1 made of its signature and policy."""

from understudy.describing.described import Described
from understudy.describing.document import document

__all__ = ["Described", "document"]
