"""Pages for people, as plain HTML that works without script.

`visits` answers whoever came through the door and renders; each other module is one page.
"""

from services.registry.pages.routing import routes
from services.registry.pages.signing_in import Elsewhere

__all__ = ["Elsewhere", "routes"]
