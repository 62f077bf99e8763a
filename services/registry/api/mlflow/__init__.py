"""MLflow's model registry protocol: thin modules over the operations that everybody uses.

`elsewhere` comes last: it answers whatever nobody before it answers.
"""

from services.registry.api.mlflow import aliases, artifacts, elsewhere, models, versions

ROUTERS = (
    models.router,
    aliases.router,
    versions.router,
    artifacts.router,
    elsewhere.router,
)
