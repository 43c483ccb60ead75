"""The planner's map in Firefox, driven over WebDriver BiDi: the same page draws, answers, and asks nobody anything."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.test_area import geojson, homes_in, star

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.load import sample_tables

pytestmark = pytest.mark.browser


class Firefox:
    """One page in a Firefox of its own; what it logs and asks for is kept."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.numbers = itertools.count(1)
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.command("session.new", capabilities={})
        self.command("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self.page = self.command("browsingContext.create", type="tab")["context"]

    def command(self, method: str, **params: Any) -> Any:
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv(timeout=60))
            if message.get("id") == number:
                assert message["type"] == "success", message
                return message["result"]
            self._keep(message)

    def _keep(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        if message.get("method") == "log.entryAdded" and params["level"] in {"error", "warn"}:
            self.errors.append(params["text"])
        if message.get("method") == "network.beforeRequestSent":
            self.requests.append(params["request"]["url"])

    def open(self, address: str) -> None:
        self.command("browsingContext.navigate", context=self.page, url=address, wait="complete")

    def run(self, function: str, *values: str) -> Any:
        """Call a function in the page with texts; returns what it gives, as JSON."""
        result = self.command(
            "script.callFunction",
            functionDeclaration=f"async (...values) => JSON.stringify(await ({function})(...values))",
            arguments=[{"type": "string", "value": value} for value in values],
            target={"context": self.page},
            awaitPromise=True,
        )
        assert result["type"] == "success", result
        return json.loads(result["result"]["value"])


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    client = pytest.importorskip("websockets.sync.client", reason="websockets is not installed")
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        pytest.skip("Firefox is not installed (Debian: apt-get install firefox-esr)")
    profile = tmp_path_factory.mktemp("firefox")
    command = [path, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={"HOME": str(profile), "PATH": "/usr/bin:/bin"}
    ) as process:
        assert process.stderr is not None
        lines = (re.search(r"BiDi listening on (ws://\S+)", line) for line in process.stderr)
        found = next(match for match in lines if match)
        with client.connect(f"{found[1]}/session", max_size=None) as socket:
            yield Firefox(socket)
        process.terminate()


_WAIT = """const until = async (ready) => {
    for (let i = 0; i < 200 && !ready(); i++) await new Promise(resolve => setTimeout(resolve, 50));
    return ready();
};"""


def test_the_page_draws_and_answers(firefox: Firefox, sample_map: Path, sample: sample_tables.Sample) -> None:
    firefox.open(f"{sample_map.as_uri()}#lang=ru&map=14/42.958/74.6")
    drawn = firefox.run(
        f"""async () => {{ {_WAIT}
            return until(() => [...document.querySelectorAll("canvas.leaflet-tile")].some(tile => {{
                const {{ data }} = tile.getContext("2d").getImageData(0, 0, tile.width, tile.height);
                return data.some((red, i) => i % 4 === 0 && red === 168 && data[i + 1] === 30 && data[i + 2] === 34);
            }})); }}"""
    )
    assert drawn, "a house in a zone that binds is red"
    reached = firefox.run(
        f"""async () => {{ {_WAIT}
            location.hash = "lang=ru&here=42.9675,74.6052";
            await until(() => document.querySelector("#here-title[data-ready]"));
            return [...document.querySelectorAll("#content [data-rule]")].map(item => item.dataset.rule); }}"""
    )
    assert reached == ["KG.landfill"]
    plan = star(74.603, 42.96, 500, 0.02)
    homes = firefox.run(
        f"""async text => {{ {_WAIT}
            const data = new DataTransfer();
            data.items.add(new File([text], "plan.geojson"));
            const hand = {{ bubbles: true, cancelable: true, dataTransfer: data }};
            document.body.dispatchEvent(new DragEvent("drop", hand));
            const cell = () => document.querySelector("#area-figures [data-figure='homes'] td")?.textContent;
            await until(() => cell() && cell() !== "…");
            return cell(); }}""",
        geojson(plan),
    )
    assert int(re.sub(r"\D", "", homes)) == len(homes_in(sample.tables, plan))
    people = firefox.run(
        f"""async () => {{ {_WAIT}
            location.hash = "tab=whatif&if=landfill~700";
            await until(() => document.getElementById("whatif-residents"));
            return document.getElementById("whatif-residents").textContent; }}"""
    )
    assert re.fullmatch(r"[\d,\s]+–[\d,\s]+", people)
    assert firefox.errors == []
    assert [
        url for url in firefox.requests if not url.startswith(("data:", "blob:", "about:", sample_map.as_uri()))
    ] == []
