"""What is shown of a URL holds no password; which ones nobody reads along."""

import pytest

from understudy.runtime.urls import safe_url, without_passwords


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


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://id.example/realms/x", True),
        ("http://127.0.0.1:9000", True),
        ("http://localhost/x", True),
        ("http://[::1]:1/x", True),
        ("http://id.example", False),
        ("http://127.0.0.1.id.example", False),
        ("ftp://127.0.0.1", False),
        ("https:///x", False),
        ("https://[", False),
        ("", False),
        (None, False),
    ],
)
def test_nobody_listens_in_by_https_or_within_the_machine(url: object, *, safe: bool) -> None:
    assert safe_url(url) is safe
