"""What an edition is, for the catalogues of others: made from the tables' declarations and from the files themselves.

`datapackage.json` is a Data Package (https://specs.frictionlessdata.io/data-package/), `croissant.json` follows
Croissant 1.0 (https://docs.mlcommons.org/croissant/docs/croissant-spec.html), `collection.json` is a STAC Collection
(https://github.com/radiantearth/stac-spec, 1.1.0). None holds a clock time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from pipeline.load import parquet
from pipeline.schema.about import AUTHORS, TITLE, About
from pipeline.schema.provenance import sha256

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import geopandas as gpd
    import pandas as pd
    import pandera.pandas as pan

NAMES = ("datapackage.json", "croissant.json", "collection.json")
_MEDIA_TYPES = {
    ".parquet": "application/vnd.apache.parquet",
    ".duckdb": "application/vnd.duckdb",
    ".pmtiles": "application/vnd.pmtiles",
}
_TYPES = {
    "string[pyarrow]": ("string", "sc:Text"),
    "float64": ("number", "sc:Float"),
    "int64": ("integer", "sc:Integer"),
    "Int64": ("integer", "sc:Integer"),
    "bool": ("boolean", "sc:Boolean"),
    "datetime64[us, UTC]": ("datetime", "sc:DateTime"),
    "geometry": ("any", "sc:Text"),
    "object": ("array", "sc:Integer"),
}
"""What a column holds, by its type in the declaration: in a Data Package, in Croissant."""
_PEOPLE_ARE_NOT_SHOWN = (
    "Figures are intervals of an estimate, not counts. No row of the public edition tells of a single house."
)


@dataclass(frozen=True)
class File:
    """A file of an edition, by its path from the catalogue (with slashes)."""

    path: str
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """Name of the table, or of the file."""
        stem, _, suffix = self.path.rpartition("/")[2].rpartition(".")
        return stem if suffix == "parquet" else f"{stem}-{suffix}"

    @property
    def media_type(self) -> str:
        """Type of the file (IANA, or as its makers write it)."""
        return _MEDIA_TYPES[self.path[self.path.rindex(".") :]]


def write(edition: Path, tables: Mapping[str, pan.DataFrameSchema]) -> None:
    """Write the catalogues of an edition into its folder, which holds all else that they speak of.

    Parameters
    ----------
    edition
        Folder with ``tables/``, the database, and maybe tiles in ``maps/``.
    tables
        Declarations of the edition's tables.
    """
    stored = {
        name: parquet.read(edition / "tables" / f"{name}.parquet", tables[name])
        for name in ("runs", "areas", "sources")
    }
    about = About.of(stored["runs"])
    paths = [path for path in edition.rglob("*") if path.suffix in _MEDIA_TYPES and _within(path, edition)]
    files = [File(path.relative_to(edition).as_posix(), path.stat().st_size, sha256(path)) for path in sorted(paths)]
    catalogues = (
        data_package(about, tables, files, stored["sources"]),
        croissant(about, tables, files),
        collection(about, files, stored["areas"], stored["sources"]),
    )
    for name, catalogue in zip(NAMES, catalogues, strict=True):
        text = json.dumps(catalogue, ensure_ascii=False, indent=1)
        (edition / name).write_text(text + "\n", encoding="utf-8")


def data_package(
    about: About, tables: Mapping[str, pan.DataFrameSchema], files: Sequence[File], sources: pd.DataFrame
) -> dict[str, Any]:
    """Return the Data Package of an edition."""
    return {
        "name": "novostroiki",
        "id": about.run_id,
        "title": TITLE,
        "description": _described(about),
        "version": about.version,
        "licenses": [{"name": name, "path": url} for name, url in _licences(about)],
        "contributors": [{"title": AUTHORS, "role": "author"}],
        "sources": [{"title": f"{dataset}: {attribution}"} for dataset, attribution in _credits(sources)],
        **about.metadata,
        "resources": [_resource(file, tables) for file in files],
    }


def _resource(file: File, tables: Mapping[str, pan.DataFrameSchema]) -> dict[str, Any]:
    # Not "table": readers of packages take a NULL in Parquet for NaN, and know no cell that is a list.
    resource: dict[str, Any] = {
        "type": "file",
        "name": file.name.lower(),
        "path": file.path,
        "mediatype": file.media_type,
        "bytes": file.bytes,
        "hash": f"sha256:{file.sha256}",
    }
    table = tables.get(file.name)
    if table is None:
        return resource
    fields = [_field(name, column) for name, column in table.columns.items()]
    if parquet.GEOMETRY in table.columns:
        fields.append({"name": parquet.BBOX, "type": "object", "description": "Bounds of the geometry."})
    schema = {
        "fields": fields,
        "missingValues": [],
        "primaryKey": list(table.unique),
        "foreignKeys": _foreign_keys(table),
    }
    return {**resource, "format": "parquet", "title": str(table.description), "schema": schema}


def _field(name: str, column: pan.Column) -> dict[str, Any]:
    field: dict[str, Any] = {
        "name": name,
        "type": _TYPES[str(column.dtype)][0],
        "description": str(column.description),
    }
    if unit := column.metadata["unit"]:
        field["unit"] = unit
    constraints: dict[str, Any] = {} if column.nullable else {"required": True}
    for check in column.checks:
        told = check.statistics
        constraints |= {"enum": list(told["allowed_values"])} if "allowed_values" in told else {}
        constraints |= {"minimum": told["min_value"]} if "min_value" in told else {}
        constraints |= {"maximum": told["max_value"]} if "max_value" in told else {}
    return {**field, "constraints": constraints} if constraints else field


def _foreign_keys(table: pan.DataFrameSchema) -> list[dict[str, Any]]:
    keys = []
    for name, column in table.columns.items():
        if target := column.metadata.get("references"):
            other, key = target.split(".")
            # An empty name is how the standard refers to the resource itself.
            reference = {"resource": "" if other == table.name else other, "fields": [key]}
            keys.append({"fields": [name], "reference": reference})
    return keys


def croissant(about: About, tables: Mapping[str, pan.DataFrameSchema], files: Sequence[File]) -> dict[str, Any]:
    """Return the Croissant description of an edition."""
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": "novostroiki",
        "alternateName": TITLE,
        "description": _described(about),
        "version": about.version,
        "license": [url for _, url in _licences(about)],
        "citeAs": about.bibtex,
        "creator": {"@type": "sc:Organization", "name": AUTHORS},
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": file.name,
                "name": file.name,
                "contentUrl": file.path,
                "contentSize": f"{file.bytes} B",
                "encodingFormat": file.media_type.replace("vnd.apache.parquet", "x-parquet"),
                "sha256": file.sha256,
            }
            for file in files
        ],
        "recordSet": [_record_set(file.name, tables[file.name]) for file in files if file.name in tables],
    }


def _record_set(name: str, table: pan.DataFrameSchema) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": f"{name}-rows",
        "name": name,
        "description": str(table.description),
        "key": [{"@id": f"{name}-rows/{key}"} for key in table.unique],
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}-rows/{column_name}",
                "name": column_name,
                "description": str(column.description),
                "dataType": _TYPES[str(column.dtype)][1],
                "source": {"fileObject": {"@id": name}, "extract": {"column": column_name}},
                **({"repeated": True} if str(column.dtype) == "object" else {}),
                **_reference(column, name),
            }
            for column_name, column in table.columns.items()
        ],
    }


def _reference(column: pan.Column, own: str) -> dict[str, Any]:
    """Return the field that a column refers to, in another table: the standard has no word for its own."""
    table, _, key = (column.metadata.get("references") or "").partition(".")
    return {"references": {"field": {"@id": f"{table}-rows/{key}"}}} if table not in {"", own} else {}


def collection(about: About, files: Sequence[File], areas: gpd.GeoDataFrame, sources: pd.DataFrame) -> dict[str, Any]:
    """Return the STAC Collection of an edition: where, when, which files."""
    boxes = shapely.bounds(areas.geometry.to_numpy())
    if len(boxes) > 1:  # first the whole, then its parts
        boxes = np.vstack([[*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)], boxes])
    year = about.data_year
    when = [f"{year}-01-01T00:00:00Z", f"{year}-12-31T23:59:59Z"] if year else [None, None]
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": f"novostroiki-{about.run_id}",
        "title": TITLE,
        "description": _described(about),
        "license": about.licence,
        "keywords": ["simulated"] if about.simulated else [],
        "providers": [
            {"name": AUTHORS, "roles": ["processor"]},
            *({"name": attribution, "roles": ["producer"]} for _, attribution in _credits(sources)),
        ],
        "extent": {
            "spatial": {"bbox": boxes.tolist()},
            "temporal": {"interval": [when]},
        },
        "links": [{"rel": "license", "href": url, "title": name} for name, url in _licences(about)],
        "assets": {
            file.name: {
                "href": f"./{file.path}",
                "type": file.media_type,
                "title": file.name,
                "roles": ["visual" if file.path.endswith(".pmtiles") else "data"],
            }
            for file in files
        },
    }


def _within(path: Path, edition: Path) -> bool:
    """Tell whether a file is of this edition, and not of the one inside it or of the simulated inputs."""
    return path.relative_to(edition).parts[0] in {"tables", "maps", path.name}


def _credits(sources: pd.DataFrame) -> list[tuple[str, str]]:
    """Return each dataset with the attribution that its licence asks for, once."""
    pairs = sources[["dataset", "attribution"]].drop_duplicates().sort_values(["dataset", "attribution"])
    return [(str(dataset), str(attribution)) for dataset, attribution in pairs.itertuples(index=False)]


def _licences(about: About) -> list[tuple[str, str]]:
    """Return each licence of the data (SPDX) with its page."""
    return [(name, f"https://spdx.org/licenses/{name}.html") for name in about.licence.split(" AND ")]


def _described(about: About) -> str:
    return f"{about.sentence} {_PEOPLE_ARE_NOT_SHOWN}"


_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The JSON-LD context that the Croissant specification asks for."""
