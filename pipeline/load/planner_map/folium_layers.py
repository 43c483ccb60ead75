"""The planner's map as Folium objects: a map, layers and a layer control that load nothing from anywhere.

Folium's own classes name ten third-party addresses, and put titles and names into scripts unescaped; these subclasses
have empty asset lists of their own, and hand over nothing but fixed keys. Everything that comes from data travels as
JSON beside the script, and is shown by the client as text.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import branca.element
import folium
import folium.map
from folium.template import Template

from pipeline.base.resources import resource
from pipeline.load.theme import dark_stylesheet, stylesheet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LAYERS = ("context", "unmapped", "settlements", "red_zones", "buildings", "hazards", "names")
"""Keys of the layers, as the client knows them (maps/client/src/state.ts), in drawing order."""


class PlannerMap(folium.Map):
    """A Leaflet map without Folium's default scripts, styles and base map; the client creates it."""

    # Own lists: Folium's are shared by all maps of the process.
    default_js: list[tuple[str, str]] = []  # noqa: RUF012 - declared so by Folium
    default_css: list[tuple[str, str]] = []  # noqa: RUF012
    # Folium's viewport tag forbids zooming by touch, which readers with weak eyes need; so its header is left out.
    _template = Template(
        """
        {% macro html(this, kwargs) %}<div class="folium-map" id={{ this.get_name()|tojson }} tabindex="0"></div>{% endmacro %}
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = novostroiki.map({{ this.get_name()|tojson }}, {{ this.options|tojavascript }});
        {% endmacro %}
        """  # noqa: E501 - one line of HTML
    )

    def __init__(self, centre: tuple[float, float], max_bounds: Sequence[Sequence[float]]) -> None:
        super().__init__(location=centre, tiles=None)
        self._id = "planner"  # Folium's default is random: two runs would differ
        self.options = {
            "center": list(centre),
            "zoom": 11,
            "min_zoom": 9,
            "max_zoom": 18,
            "max_bounds": [list(corner) for corner in max_bounds],
        }


class DrawingLayer(folium.map.Layer):
    """One part of the drawing (`LAYERS`), which the layer control can switch."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = novostroiki.layer({{ this.layer_name|tojson }});
        {% endmacro %}
        """
    )

    def __init__(self, key: str) -> None:
        super().__init__(name=key, overlay=True, control=True, show=True)
        self._name = "Drawing"
        self._id = key


class KeyControl(folium.LayerControl):
    """The layer control: the client shows it as the map key, in the reader's language."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        novostroiki.layerControl({{ this._parent.get_name() }}, {
        {%- for key, name in this.overlays.items() %} {{ key|tojson }}: {{ name }},{% endfor %} });
        {% endmacro %}
        """
    )

    def __init__(self) -> None:
        super().__init__()
        self._id = "key"


class PlannerPage(branca.element.Figure):
    """The page around the map (maps/templates/planner.html), with everything inside it.

    Parameters
    ----------
    payload
        JSON documents by id, and base64 texts by id; the latter are named in `binary`.
    binary
        Ids of payloads that are base64.
    noscript
        HTML to show where scripts are off.
    fetches
        The page reads its tiles from the server that it came from.
    image_host
        Origin (``https://host``) of the online background, the only other one that images may come from; empty: none.
    """

    def __init__(
        self,
        payload: Mapping[str, str],
        binary: Sequence[str],
        noscript: str,
        *,
        fetches: bool,
        image_host: str = "",
    ) -> None:
        super().__init__(title="Novostroiki")  # until the client sets one in the reader's language
        self._id = "page"
        self._template = Template(resource("maps", "templates", "planner.html").read_text(encoding="utf-8"))
        self.payload = {key: text if key in binary else text.replace("<", "\\u003c") for key, text in payload.items()}
        self.binary = tuple(binary)
        self.noscript = noscript
        self.fetches = fetches
        self.image_host = image_host
        self.style = stylesheet() + dark_stylesheet() + client_file("planner.css")
        self.client = client_file("planner.js").replace("</script", "<\\/script").replace("<!--", "<\\!--")
        self.calls = ""
        self.policy = ""

    def render(self, **kwargs: Any) -> str:  # noqa: ANN401 - as in the base class
        """Return the page as HTML, under a policy that lets exactly its own two scripts run."""
        for child in self._children.values():
            child.render(**kwargs)
        self.calls = self.script.render()
        scripts = " ".join(f"'sha256-{_digest(text)}'" for text in (self.client, self.calls))
        self.policy = "; ".join(
            [
                "default-src 'none'",
                f"script-src {scripts}",
                "style-src 'unsafe-inline'",
                f"img-src data: {self.image_host}".rstrip(),
                "connect-src 'self'" if self.fetches else "connect-src 'none'",
                "base-uri 'none'",
                "form-action 'none'",
            ]
        )
        return str(self._template.render(this=self, kwargs=kwargs))


def client_file(name: str) -> str:
    """Return a file that the front-end build made (see hatch_build.py)."""
    return resource("maps", "client", "dist", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
