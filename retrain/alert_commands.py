"""`python -m retrain alerts`: what people were told through the channel, and whether it works."""

import argparse
import getpass
import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from storage.alerts import messages
from storage.alerts.messages import Alert, Delivery
from storage.database.settings import Settings
from storage.log import open_log


def add_alert_commands(commands: Any) -> None:
    """Add the commands to a parser."""
    shown = commands.add_parser("alerts", help="list what people were told through DRIFT_ALERT_URL, or try the channel")
    shown.add_argument("--json", action="store_true", help="for machines")
    shown.add_argument("--limit", type=int, default=20, metavar="N", help="the newest N (default: %(default)s)")
    shown.add_argument("--test", action="store_true", help="send a test message, and say what the channel answered")
    shown.add_argument("--by", default=getpass.getuser(), metavar="NAME", help="who tries it (default: %(default)s)")
    shown.set_defaults(run=_alerts)
    # What a worker keeps running; of no use to people.
    passes = commands.add_parser("alert-pass")
    passes.add_argument("--parent", type=int, required=True, metavar="PID", help="end when this process is gone")
    passes.set_defaults(run=_pass, to_log=True)


def _pass(settings: Settings, options: argparse.Namespace) -> int:
    from retrain.alerts import lookout

    lookout.run(settings, options.parent)
    return 0


def _alerts(settings: Settings, options: argparse.Namespace) -> int:
    log = open_log(settings.database_url)
    try:
        if options.test:
            from retrain.alerts import lookout

            answer = lookout.try_channel(settings, log, options.by, "")
            print(f"{answer.said[0].upper()}{answer.said[1:]}.")
            return 0 if answer.delivered else 1
        told, delivery = messages.read_alerts(log, limit=options.limit), messages.read_delivery(log)
    finally:
        log.close()
    if options.json:
        channel = asdict(delivery) | {"is_set": bool(settings.alert_url)}
        print(json.dumps({"channel": channel, "alerts": [asdict(one) for one in told]}, indent=2, default=_iso))
    else:
        print(_channel_said(settings, delivery))
        for one in told:
            print("\n".join(_lines(one)))
    return 0


def _channel_said(settings: Settings, found: Delivery) -> str:
    counts = f"{found.n_sent:,} sent, {found.n_pending:,} pending, {found.n_given_up:,} given up"
    if found.failing_since is not None:
        counts += f"; none delivered since {found.failing_since:%Y-%m-%d %H:%M} UTC: {found.why}"
    if not settings.alert_url:
        sent = "a worker that has it sends alerts" if found.is_watched else "so nothing is sent"
        return f"DRIFT_ALERT_URL is not set here{';' if found.is_watched else ','} {sent}. {counts}."
    seen = f" since {found.watched_at:%Y-%m-%d %H:%M} UTC" if found.watched_at else ""
    watched = "A worker looks for alerts." if found.is_watched else f"No worker has looked for alerts{seen}."
    return f"{watched} {counts}."


def _lines(one: Alert) -> list[str]:
    at = one.sent_at or one.created_at
    tries = f" after {one.attempts} attempts" if one.attempts > 1 else ""
    lines = [f"alert {one.id}  {at:%Y-%m-%d %H:%M} UTC  {one.state}{tries}  {one.kind}", f"  {one.body['text']}"]
    if one.last_error:
        more = f"; next try {one.next_at:%H:%M} UTC" if one.state == "pending" else ""
        lines.append(f"  {one.last_error}{more}")
    return lines


def _iso(value: object) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()
