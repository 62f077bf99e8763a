"""The pages by their paths. What is open among them, the door says."""

from collections.abc import Sequence

from starlette.routing import Route

from services.registry.operations import Operations
from services.registry.pages.account import Account
from services.registry.pages.audit_report import AuditReports
from services.registry.pages.card import CardPages
from services.registry.pages.comparison import Comparison
from services.registry.pages.documents import documents
from services.registry.pages.home import Home
from services.registry.pages.models import Models
from services.registry.pages.people import Administering
from services.registry.pages.signing_in import Elsewhere, SigningIn
from services.registry.pages.usage import Usages
from services.registry.pages.versions import Versions
from understudy.runtime.cookies import Cookie


def routes(operations: Operations, cookie: Cookie, elsewhere: Elsewhere | None) -> Sequence[Route]:
    """All pages, and what they look like."""
    rendered = documents()
    signing_in = SigningIn(rendered, operations.sessions, cookie, elsewhere)
    account = Account(rendered, operations, cookie)
    people = Administering(rendered, operations)
    usages = Usages(rendered, operations)
    models, versions = Models(rendered, operations), Versions(rendered, operations)
    return (
        Route("/", Home(rendered, operations).show),
        Route("/signin", signing_in.show),
        Route("/signin", signing_in.sign_in, methods=["POST"]),
        Route("/signout", signing_in.sign_out, methods=["POST"]),
        Route("/deployments/{deployment}", usages.show),
        Route("/deployments/{deployment}", usages.change, methods=["POST"]),
        Route("/deployments/{deployment}/audit-report", AuditReports(rendered, operations).show),
        Route("/models", models.show),
        Route("/models/{model}", models.show_one),
        Route("/models/{model}/compare", Comparison(rendered, operations).show),
        Route("/models/{model}/versions/{number}", versions.show),
        Route("/models/{model}/versions/{number}/card", CardPages(rendered, operations).show),
        Route("/models/{model}/versions/{number}", versions.change, methods=["POST"]),
        Route("/account", account.show),
        Route("/account", account.change_password, methods=["POST"]),
        Route("/people", people.show),
        Route("/people", people.change, methods=["POST"]),
        Route("/static/{name}", rendered.asset),
    )
