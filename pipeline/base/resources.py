"""Where `layers/` and `maps/` are: beside the package in a checkout, inside it once installed from a wheel."""

from pathlib import Path

from pipeline.errors import RunError

_PACKAGE = Path(__file__).resolve().parent.parent


def resource(*parts: str) -> Path:
    """Return the path of a file or folder that travels with the package.

    Parameters
    ----------
    *parts
        Path below the project's top, such as ``"layers", "red_zones"``.

    Raises
    ------
    RunError
        Neither the checkout nor the installed package holds it: the installation is broken.
    """
    for root in (_PACKAGE / "resources", _PACKAGE.parent):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    msg = f"{'/'.join(parts)} is not part of this installation of novostroiki; install it again with pip."
    raise RunError(msg)
