"""How a deployment is asked: OpenAPI 3.1 made of its signature and policy."""

from services.serving.api.describing.document import document

__all__ = ["document"]
