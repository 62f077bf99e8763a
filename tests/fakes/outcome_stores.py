"""Where outcome stores are tried: a SQLite file, and PostgreSQL when a URL is given."""

import os
import uuid
from pathlib import Path
from typing import Final

from sqlalchemy import create_engine, text

POSTGRES: Final = "UNDERSTUDY_TEST_POSTGRES_URL"
DATABASES: Final = ("sqlite", *(["postgres"] if POSTGRES in os.environ else []))


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
