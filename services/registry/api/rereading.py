"""Bodies that were read at the door, for whoever reads them behind it."""

from starlette.types import Message, Receive


def with_body(body: bytes, receive: Receive) -> Receive:
    """Tells the body once, and then what comes besides: that the caller has gone."""
    read = False

    async def replayed() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
