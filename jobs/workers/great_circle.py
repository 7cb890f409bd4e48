"""How far apart are two points on the Earth?"""

from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS = 6_371_008.8
"""Metres; the mean radius (2a + b) / 3 of GRS 80 (H. Moritz, Journal of Geodesy 74, 2000, 128–133)."""

HALF_CIRCUMFERENCE = 20_015_115.0
"""Metres; no two points are further apart than this."""


def great_circle_distance(
    latitude_a: float, longitude_a: float, latitude_b: float, longitude_b: float
) -> float:
    """Metres between two points given in degrees, on a sphere of :data:`EARTH_RADIUS`.

    The haversine formula (R. W. Sinnott, "Virtues of the Haversine", Sky & Telescope 68 (2), 1984, 159),
    which keeps its precision for neighbours a few metres apart, where the law of cosines loses it. The
    sphere differs from the ellipsoid by less than 0.6 %.
    """
    phi_a, phi_b = radians(latitude_a), radians(latitude_b)
    half_chord_squared = (
        sin((phi_b - phi_a) / 2) ** 2
        + cos(phi_a) * cos(phi_b) * sin(radians(longitude_b - longitude_a) / 2) ** 2
    )
    # Rounding may lift the value for antipodes above 1, where asin has no answer.
    return 2 * EARTH_RADIUS * asin(sqrt(min(1.0, half_chord_squared)))
