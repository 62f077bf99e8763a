"""Uploads, gathered into blocks worth a trip to the disk."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from services.registry.domain.errors import UploadStalledError

BLOCK: Final = 1 << 20


async def blocks(chunks: AsyncIterator[bytes], idle_seconds: float) -> AsyncIterator[bytes]:
    """Gather what arrives; give up when nothing arrives. Raises UploadStalledError."""
    held = bytearray()
    while True:
        try:
            async with asyncio.timeout(idle_seconds):
                chunk = await anext(chunks, None)
        except TimeoutError as error:
            raise UploadStalledError(
                f"The upload sent nothing for {idle_seconds:g} s; nothing was stored. Try again."
            ) from error
        held += chunk or b""
        if held and (chunk is None or len(held) >= BLOCK):
            yield bytes(held)
            held.clear()
        if chunk is None:
            return
