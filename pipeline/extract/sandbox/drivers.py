"""Which of GDAL's drivers a reader may use: those of the formats that people bring, and no other is ever registered.

A driver may follow paths and addresses that stand in a file (VRT, GML, WMS …), whatever the file is called. GDAL takes
the names of drivers to leave out from its environment, once, when it is first used, so they are set before that. Each
wheel carries a GDAL of its own, with other drivers; what a later one adds is found by `unwanted`.
"""

from __future__ import annotations

import os

RASTER = frozenset({"GTiff"})
VECTOR = frozenset(
    {
        "CSV", "DXF", "ESRI Shapefile", "FlatGeobuf", "GeoJSON", "GeoJSONSeq", "GPKG", "KML", "LIBKML", "MapInfo File",
        "MEM", "OpenFileGDB",
    }
)  # fmt: skip

_OF_RASTERIO = """
AAIGrid, ACE2, ADRG, AIG, AVCBin, AVCE00, AirSAR, BAG, BIGGIF, BLX, BMP, BSB, BT, BYN, CALS, CEOS, COASP, COG,
COSAR, CPG, CTG, CTable2, DAAS, DERIVED, DIMAP, DIPEx, DOQ1, DOQ2, DTED, ECRGTOC, EEDA, EEDAI, EHdr, EIR, ELAS,
ENVI, ERS, ESAT, ESRI Shapefile, ESRIC, ESRIJSON, FAST, FIT, GFF, GIF, GNMDatabase, GNMFile, GPKG, GRASSASCIIGrid,
GRIB, GS7BG, GSAG, GSBG, GSC, GTI, GTX, GXF, GenBin, GeoJSON, GeoJSONSeq, HDF5, HDF5Image, HF2, HFA, HTTP, ILWIS,
IRIS, ISCE, ISG, ISIS2, ISIS3, JAXAPALSAR, JDEM, JP2OpenJPEG, JPEG, KMLSUPEROVERLAY, KRO, L1B, LAN, LCP, LOSLAS,
Leveller, MAP, MBTiles, MEM, MFF, MFF2, MRF, MSGN, MVT, Memory, NDF, NGSGEOID, NITF, NOAA_B, NSIDCbin, NTv2,
NWT_GRC, NWT_GRD, OSM, OZI, PAux, PCIDSK, PCRaster, PDF, PDS, PDS4, PLMOSAIC, PNG, PNM, PRF, R, RIK, RMF, ROI_PAC,
RPFTOC, RRASTER, RS2, RST, Rasterlite, S102, S104, S111, SAFE, SAGA, SAR_CEOS, SDTS, SENTINEL2, SGI, SIGDEM,
SNAP_TIFF, SNODAS, SQLite, SRP, SRTMHGT, STACIT, STACTA, TGA, TIL, TSX, Terragen, TopoJSON, USGSDEM, VICAR, VRT,
WCS, WEBP, WMS, WMTS, XPM, XYZ, ZMap, Zarr, netCDF
"""
_OF_PYOGRIO = """
ADBC, AIVector, AVCBin, AVCE00, AmigoCloud, CSW, Carto, DGN, EDIGEO, EEDA, ESRIJSON, Elasticsearch, GDALG, GML,
GPSBabel, GPX, GTFS, GeoRSS, HTTP, Idrisi, JML, JSONFG, LVBAG, MBTiles, MVT, MapML, MiraMonVector, NGW, OAPIF, ODS,
OGCAPI, OGR_GMT, OGR_PDS, OGR_VRT, OSM, PCIDSK, PDF, PDS4, PGDUMP, PLSCENES, PMTiles, S57, SQLite, SXF, Selafin,
TopoJSON, VDV, VFK, VICAR, WAsP, WFS, XLSX
"""


def load(more_raster: str = "", more_vector: str = "") -> None:
    """Import both wheels, each with the drivers that are wanted alone.

    Parameters
    ----------
    more_raster, more_vector
        Further drivers to leave out, separated by commas.
    """
    os.environ["GDAL_DRIVER_PATH"] = "disable"
    os.environ["GDAL_SKIP"] = _listed(_OF_RASTERIO, more_raster)
    import rasterio

    with rasterio.Env() as env:
        env.drivers()
    del os.environ["GDAL_SKIP"]
    os.environ["OGR_SKIP"] = _listed(_OF_PYOGRIO, more_vector)
    import pyogrio

    pyogrio.list_drivers()
    del os.environ["OGR_SKIP"]


def unwanted() -> tuple[str, str]:
    """Return the drivers of rasterio and of pyogrio that are there and should not be, separated by commas."""
    import pyogrio
    import rasterio

    with rasterio.Env() as env:
        raster = set(env.drivers()) - RASTER
    return ",".join(sorted(raster)), ",".join(sorted(set(pyogrio.list_drivers()) - VECTOR))


def _listed(known: str, more: str) -> str:
    names = [name.strip() for name in f"{known},{more}".replace("\n", " ").split(",")]
    return ",".join(filter(None, names))
