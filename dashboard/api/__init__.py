"""HTTP beside the pages; `uvicorn dashboard.api:api` serves it alone."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dashboard.api.application import api

__all__ = ["api"]


def __getattr__(name: str) -> object:
    """Build the API when it is asked for, not when a module of this room is."""
    if name == "api":
        from dashboard.api.application import api

        return api
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
