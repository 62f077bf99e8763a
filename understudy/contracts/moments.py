"""Times that callers send."""

from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator


def _no_number(value: object) -> object:
    if isinstance(value, int | float) or (isinstance(value, str) and value.strip("+-. ").isdigit()):
        raise ValueError("must be a date and time with a time zone, such as 2025-01-31T12:00:00Z")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_no_number, json_schema_input_type=AwareDatetime)]
"""RFC 3339. Seconds or milliseconds since some epoch would be a guess."""
