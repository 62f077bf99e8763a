"""An S3-compatible store that tests may write to, when a URL of a bucket is given."""

import os
import uuid
from typing import Final

S3: Final = "UNDERSTUDY_TEST_S3_URL"
"""Credentials and endpoint stand in the environment, as for the services: `AWS_ENDPOINT_URL`, …"""
OBJECT_STORES: Final = ("s3",) if S3 in os.environ else ()


def fresh_folder() -> str:
    """A URL below the bucket, which need not be there yet."""
    return f"{os.environ[S3].rstrip('/')}/{uuid.uuid4().hex}"
