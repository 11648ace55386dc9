"""The whole product in one process: the board, the HTTP API beside it, and the processes that they need.

`streamlit run dashboard/app.py` finds `app`; so does any other ASGI server.
"""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Route

ROOT = Path(__file__).resolve().parents[1]
# Streamlit puts the folder of this file on the path. Relative places, such as var/drift.db, are meant from the root,
# for this process as for those that it starts.
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
os.chdir(ROOT)

from dashboard.api.application import api  # noqa: E402  the path is set above
from dashboard.api.errors import failure  # noqa: E402  the path is set above
from dashboard.api.guard import SecurityHeaders  # noqa: E402  the path is set above
from dashboard.api.nodelay import NoDelay  # noqa: E402  the path is set above
from dashboard.api.service import Service  # noqa: E402  the path is set above
from dashboard.background.first_run import start_demo, stop_demo  # noqa: E402  the path is set above
from dashboard.background.uploads import sweep  # noqa: E402  the path is set above
from retrain.workers.launchers import ensure_worker, look_after  # noqa: E402  the path is set above
from storage.database.settings import Settings  # noqa: E402  the path is set above

_log = logging.getLogger(__name__)
_LOOK_AFTER_SECONDS = 10.0


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Start what the product needs beside this process, without keeping the first page waiting."""
    service = api.state.service
    service.tokens  # noqa: B018  a bad setting must end the start here, not the first request
    starting = asyncio.create_task(asyncio.to_thread(_start, service.settings))
    watching = asyncio.create_task(_look_after(service))
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        demo = await starting
        if demo is not None:
            await asyncio.to_thread(stop_demo, demo)
        await asyncio.to_thread(service.close)


def _start(settings: Settings) -> "subprocess.Popen[bytes] | None":
    """Start the demo and the worker; where one cannot be started, the board still opens and the log says why."""
    demo = None
    try:
        sweep(settings)
    except OSError:
        _log.exception("Files that nobody came back for cannot be removed.")
    try:
        demo = start_demo(settings)
    except Exception:  # a board without the demo is of use
        _log.exception("The demo cannot be built.")
    # Where none can be started, the Retrain page says that none lives, and this process tries again.
    _log.info("%s", ensure_worker(settings))
    return demo


async def _look_after(service: Service) -> None:
    """See to it, for as long as this process serves, that a worker lives and looks for alerts."""
    said = None
    while True:
        await asyncio.sleep(_LOOK_AFTER_SECONDS)
        try:
            before, said = said, await asyncio.to_thread(lambda: look_after(service.log, service.settings))
        except Exception:  # such as a database that is away for a moment: the next look comes in seconds
            _log.exception("Whether a worker lives cannot be told.")
        else:
            if said and said != before:
                _log.warning("%s", said)


def _beside_the_pages(route: Route) -> Route:
    # Jobs are posted to the address of their page: what the API does not take there is the page's.
    return Route(route.path, api, methods=route.methods if route.path == "/retrain" else None)


app = st.App(
    Path(__file__).with_name("board.py"),
    lifespan=lifespan,
    routes=[_beside_the_pages(route) for route in api.routes if isinstance(route, Route)],
    middleware=[
        Middleware(NoDelay),
        Middleware(SecurityHeaders, failure=failure, page=Path(st.__file__).parent / "static" / "index.html"),
    ],
)
