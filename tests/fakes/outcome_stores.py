"""Where stores are tried: a SQLite file, and PostgreSQL.

The server is that of UNDERSTUDY_TEST_POSTGRES_URL, or one that the tests start.
"""

import os
import uuid
from pathlib import Path
from typing import Final

from sqlalchemy import create_engine, text

from tests.postgres_server import there_is_one

POSTGRES: Final = "UNDERSTUDY_TEST_POSTGRES_URL"
THERE_IS_POSTGRES: Final = POSTGRES in os.environ or there_is_one()
DATABASES: Final = ("sqlite", *(["postgres"] if THERE_IS_POSTGRES else []))
DATABASES_AT_LENGTH: Final = ("sqlite", *(["postgres"] if POSTGRES in os.environ else []))
"""For tests that open stores by the hundred: on PostgreSQL when somebody names a server."""


def fresh_url(database: str, folder: Path) -> str:
    """An empty database, or an empty schema of one."""
    if database == "sqlite":
        return f"sqlite:///{folder}/outcomes-{uuid.uuid4().hex}.db"
    url, schema = os.environ[POSTGRES], f"test_{uuid.uuid4().hex}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    engine.dispose()
    return f"{url}?options=-csearch_path%3D{schema}"
