"""Asking a process whether it is ready: `/readyz` over HTTP, or PING in Redis's own words."""

import asyncio
from urllib.parse import urlsplit

import httpx


async def why_not_ready(url: str, timeout_seconds: float = 2.0) -> str | None:
    """None when it is ready, else what it lacks."""
    try:
        async with asyncio.timeout(timeout_seconds):
            if url.startswith("redis://"):
                return await _ping(url)
            return await _ask(url)
    except TimeoutError:
        return f"no answer within {timeout_seconds:g} s"
    except (OSError, httpx.HTTPError):
        return "not listening yet"


async def _ping(url: str) -> str | None:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(b"PING\r\n")
        answer = (await reader.readline()).decode(errors="replace").strip()
    finally:
        writer.close()
    return None if answer == "+PONG" else answer or "hung up"


async def _ask(url: str) -> str | None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(url)
    if answer.is_success:
        return None
    try:
        missing = answer.json()["missing"]
        return ", ".join(f"{name}: {why}" for name, why in missing.items())
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"answers {answer.status_code}"
