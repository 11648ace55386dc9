"""What is in force, on the Settings page: the rule behind the badges, and who may do what. Read-only."""

import ipaddress
from collections import Counter
from collections.abc import Iterable, Mapping

import streamlit as st

from dashboard.api.guard import Role, parse_tokens
from dashboard.overview.panels import rule_text
from dashboard.reading import reads
from dashboard.reading.scope import Scope
from dashboard.settings.words import bytes_text
from dashboard.shown.badges import plain
from drift.life.rule import RULE
from drift.version import __version__
from storage.database.description import describe_database
from storage.database.settings import Settings
from storage.jobs.workers import read_live_workers

_MAY: Mapping[Role, str] = {
    "writer": "may send predictions and labels and ask for answers",
    "operator": "may also start retrains",
}


def draw_rule(scope: Scope | None) -> None:
    """Say by which rule a column becomes red, and why it is one rule for all of them."""
    left, right = st.columns([3, 2], gap="small")
    with left.container(border=True, gap="small"):
        st.markdown("**The rule in force**")
        _list(thresholds())
    with right.container(border=True, gap="small"):
        st.markdown("**Why they are the same for every column**")
        st.markdown(
            "All columns share one budget of false alarms. A threshold of its own for the column that rings would be "
            "chosen after it was heard ringing, and nobody could say any more how often a healthy model alarms. "
            "A column that should not count is left out of the log. An alarm that is understood is answered, with a "
            "note, on the Overview."
        )
        if scope is not None:
            board = reads.board(scope.model, reads.revision(scope.model), scope.window_text, scope.reference)
            rule, meaning = rule_text(board)
            against = f"against {board.reference}" if board.reference else "with nothing to compare with"
            st.markdown(f"**{plain(scope.model)}, {plain(against)}** · {plain(rule)}.")
            st.caption(plain(meaning))


def thresholds() -> list[tuple[str, str]]:
    """Return every threshold in force, with what it means."""
    policy = reads.POLICY
    life = f"at most {RULE.alpha:.0%} of healthy models raise any alarm in {RULE.horizon:,} rows, all columns together"
    shared = f"half of that for a betting score on every {RULE.stride} rows, half for windows of {RULE.window:,} rows"
    effect = "KS distance, or the share of traffic that changed category; amber below"
    return [
        ("Against a frozen reference", life),
        ("Evidence", shared),
        (
            "Two windows compared",
            f"adjusted p at most {policy.alpha:g} over all columns (Benjamini-Hochberg): one look",
        ),
        ("Red from", f"an effect of {policy.min_effect:g}: {effect}"),
        ("Judged from", f"{policy.min_sample} rows in a window"),
    ]


def draw_access() -> None:
    """Say who reaches the product, what runs retrains and where the log is; secrets are counted, never shown."""
    settings, log = reads.settings(), reads.log()
    found = describe_database(log)
    left, right = st.columns(2, gap="small")
    with left.container(border=True, gap="small"):
        st.markdown("**Who reaches it**")
        reached = {
            "Board": board_text(str(st.get_option("server.address") or "")),
            "HTTP API": tokens_text(settings.api_tokens),
            "Uploads": f"at most {st.get_option('server.maxUploadSize'):,} MB (STREAMLIT_SERVER_MAX_UPLOAD_SIZE)",
        }
        _list(reached.items())
    with right.container(border=True, gap="small"):
        st.markdown("**What runs, and where**")
        places = {
            "Version": __version__,
            "Database": f"{found.kind}, {bytes_text(found.n_bytes)}: {found.place}",
            "Model files": str(settings.artifacts),
            "Worker": worker_text(settings, len(read_live_workers(log))),
            "Launcher": launcher_text(settings),
        }
        _list(places.items())
        st.caption("Variables of the environment set these when the product starts; docs/settings.md lists them.")


def _list(rows: Iterable[tuple[str, str]]) -> None:
    st.markdown("\n".join(f"- **{name}** · {plain(said)}" for name, said in rows))


def board_text(address: str) -> str:
    """Say who reaches the board, by the address that the server listens at.

    Examples
    --------
    >>> board_text("127.0.0.1")
    'reachable from this machine only. It has no login: whoever reaches it may act under any name.'
    """
    try:
        is_loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        is_loopback = address == "localhost"
    where = "reachable from this machine only"
    if not is_loopback:
        at = address or "every address of this one"
        where = f"reachable from other machines, at {at}: put a proxy with a login before it"
    return f"{where}. It has no login: whoever reaches it may act under any name."


def tokens_text(api_tokens: str) -> str:
    """Count the tokens of each role; no token, nor a part of one, is told.

    Examples
    --------
    >>> tokens_text("k3y:writer,0ther:operator")
    '1 writer token (may send predictions and labels and ask for answers), 1 operator token (may also start retrains).'
    >>> tokens_text("")
    'no tokens are set: only this machine is served.'
    """
    try:
        counts = Counter(parse_tokens(api_tokens).values())
    except ValueError as error:
        return str(error)
    if not counts:
        return "no tokens are set: only this machine is served."
    told = (
        f"{n} {role} token{'s' if n > 1 else ''} ({_MAY[role]})" for role, n in sorted(counts.items(), reverse=True)
    )
    return f"{', '.join(told)}."


def worker_text(settings: Settings, n_alive: int) -> str:
    """Say whether a worker lives, and who starts one."""
    who = "one is started with the first job" if settings.worker == "auto" else "start one: python -m retrain worker"
    return f"{n_alive} alive" if n_alive else f"none is alive; {who}"


def launcher_text(settings: Settings) -> str:
    """Say where the steps of a retrain run."""
    if settings.launcher == "github":
        return f"GitHub Actions of {settings.github_repository} ({settings.github_ref}); a token is set"
    return "local: the worker runs every step on its own machine"
