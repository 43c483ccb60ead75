"""Where the cities' middles and airports are: general knowledge that makes the simulated map recognisable."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Airport:
    """An airport: the middle of its runway, the runway's true bearing (degrees) and length (m)."""

    name_ru: str
    lon: float
    lat: float
    bearing: float
    runway_m: float


CENTRES = {
    "bishkek": (74.604, 42.876),
    "osh": (72.797, 40.529),
    "almaty": (76.93, 43.246),
    "astana": (71.435, 51.147),
}
"""Longitude and latitude of the middle of each city; others have theirs in the middle of the bbox."""

AIRPORTS = {
    "bishkek": Airport("Международный аэропорт Манас", 74.4776, 43.0613, 77.0, 4200.0),
    "osh": Airport("Аэропорт Ош", 72.7933, 40.6090, 122.0, 2614.0),
    "almaty": Airport("Международный аэропорт Алматы", 77.0405, 43.3521, 53.0, 4500.0),
    "astana": Airport("Международный аэропорт Нурсултан Назарбаев", 71.4669, 51.0222, 43.0, 3500.0),
}
"""Airports by area; an area that is not listed gets a small one somewhere near its edge."""
