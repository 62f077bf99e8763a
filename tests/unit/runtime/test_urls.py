"""What is shown of a URL holds no password."""

import pytest

from understudy.runtime.urls import without_passwords


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sftp://me:s3c@ret/x@host/b", "sftp://me:***@host/b"),
        ("no a://u:pw@h/1 and b://u:pw@h/2", "no a://u:***@h/1 and b://u:***@h/2"),
        ("https://host/b?sig=1&access_token=abc&x=1", "https://host/b?sig=1&access_token=***&x=1"),
        ("s3://bucket/folder", "s3://bucket/folder"),
        ("/mnt/backups", "/mnt/backups"),
    ],
)
def test_passwords_are_stars(text: str, shown: str) -> None:
    assert without_passwords(text) == shown
