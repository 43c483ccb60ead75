"""Whether the servers of a live run answer, as `novostroiki check --live` tells: one small request to each."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from pipeline.commands.text_table import aligned
from pipeline.declared import catalogue
from pipeline.errors import SourceError
from pipeline.extract import live
from pipeline.extract.http.retry import RequestPolicy, classify_error, classify_status
from pipeline.extract.source import NotCoveredError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.config import Config
    from pipeline.declared.catalogue import Catalogue
    from pipeline.extract.source import DataSource

_HEADER = ("server", "answer", "source", "version", "a run would take")
_SILENCE_S, _IN_ALL_S = 6.0, 14.0
"""How long one server may stay silent, and how long all of them together may take, in seconds."""
_SILENT = "stays silent"


def listing(config: Config, layers: Catalogue | None = None) -> str:
    """Ask every server once, all at the same time, and return a table: a line for each source.

    Parameters
    ----------
    layers
        The catalogue; default: the one that travels with the package.

    Raises
    ------
    SourceError
        Neither OpenStreetMap nor footprints can be reached, so that a run would end.
    """
    layers = layers or catalogue.default()
    sources = live.feeding(layers, config.live)
    answers = _ask(_probes(sources, config), RequestPolicy.of(config.live))
    planned = [row for area in config.selected for row in live.plan(area, layers, config)]
    rows, reached = [_HEADER], set()
    for source in sources:
        spec = source.spec
        server = urlsplit(source.probe(config.selected[0], config.live)).netloc if _covers(source, config) else ""
        answer = answers.get(server, "not needed here")
        files, size = live.total(row for row in planned if row.spec.id == spec.id)
        rows.append((server, answer, spec.title, spec.version, f"{files} files, about {size / 1e6:,.0f} MB"))
        if answer == _REACHED:
            reached.add(spec.feeds)
    table = aligned(rows)
    if not reached & set(live.REQUIRED):
        msg = f"Neither OpenStreetMap nor footprints can be reached, so a live run would end:\n{table}"
        raise SourceError(msg)
    return table


_REACHED = "reached"


def _covers(source: DataSource[Any], config: Config) -> bool:
    try:
        return bool(source.plan(config.selected[0], config.live))
    except NotCoveredError:
        return False


def _probes(sources: list[DataSource[Any]], config: Config) -> dict[str, str]:
    """Return one address to ask for each server."""
    area = config.selected[0]
    addresses = [source.probe(area, config.live) for source in sources if _covers(source, config)]
    return {urlsplit(address).netloc: address for address in reversed(addresses)}


def _ask(probes: Mapping[str, str], policy: RequestPolicy) -> dict[str, str]:
    """Return what each server answers; one that has not by the end of the time stays silent."""
    answers = dict.fromkeys(probes, _SILENT)

    def ask(server: str, address: str) -> None:
        answers[server] = _answer(address, policy)

    # Not a pool: a thread that waits for a name server must not keep the command from ending.
    threads = [threading.Thread(target=ask, args=probe, daemon=True) for probe in probes.items()]
    for thread in threads:
        thread.start()
    end = time.monotonic() + _IN_ALL_S
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return dict(answers)


def _answer(address: str, policy: RequestPolicy) -> str:
    if rest := policy.servers.busy.seconds(urlsplit(address).netloc):
        return f"has asked for fewer requests, and is left alone for {rest:.0f} s more"
    headers = {"User-Agent": policy.user_agent, "Range": "bytes=0-0"}
    try:
        with (
            policy.session() as session,
            session.get(address, headers=headers, timeout=_SILENCE_S, stream=True) as response,
        ):
            refused = classify_status(response)
    except requests.RequestException as error:
        return classify_error(error).reason
    return refused.reason if refused else _REACHED
