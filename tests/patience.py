"""How a test waits: for a state, for as long as a busy machine may need, and never for a moment that passes."""

import time
from collections.abc import Callable
from typing import Any

# Seconds. No figure of the product: who hits this limit has found something that hangs.
PATIENCE = 300.0


def wait_for(state: Callable[[], Any], what: str = "the state that is waited for") -> Any:
    """Ask until a state has come, and return what was answered."""
    until = time.monotonic() + PATIENCE
    while not (found := state()):
        assert time.monotonic() < until, f"{what} must come within {PATIENCE:.0f} s"
        time.sleep(0.05)
    return found
