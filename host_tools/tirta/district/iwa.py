# SPDX-License-Identifier: MIT
"""The standard water balance of the International Water Association, and its leakage index.

Alegre et al., "Performance Indicators for Water Supply Services" (IWA Publishing): system input =
authorised consumption + apparent losses + real losses. Unavoidable annual real losses: Lambert,
Brown, Takizawa, Weimer, AQUA 48 (1999): UARL = (18 Lm + 0.8 Nc + 25 Lp) P litres a day, with km of
mains and of private pipe, connections, and metres of pressure; it is meant for more than 3000
connections, more than 25 m and 20 connections a km. Nothing is assumed that the district file does
not say: what is missing there counts as nothing, and is named.
"""

from dataclasses import dataclass

from tirta.district.tree import Zone

_LEAST_CONNECTIONS, _LEAST_M = 3000, 25.0
_MAINS, _CONNECTION, _PRIVATE = 18.0, 0.8, 25.0  # L a day and metre


@dataclass(frozen=True)
class WaterBalance:
    """m3 of whole months. `assumed` names what the district file does not tell."""

    input_m3: float
    billed_m3: float
    unbilled_m3: float
    apparent_m3: float
    uncertainty_m3: float  # k = 2, of the system input; what is billed is taken as it is
    assumed: tuple[str, ...]

    @property
    def authorised_m3(self) -> float:
        """Authorised consumption: billed and unbilled."""
        return self.billed_m3 + self.unbilled_m3

    @property
    def losses_m3(self) -> float:
        """Water losses: system input less authorised consumption."""
        return self.input_m3 - self.authorised_m3

    @property
    def real_m3(self) -> float:
        """Real losses: water losses less apparent ones."""
        return self.losses_m3 - self.apparent_m3

    @property
    def non_revenue(self) -> float:
        """Share of the system input that is not billed."""
        return (self.input_m3 - self.billed_m3) / self.input_m3


def water_balance(
    zone: Zone, input_m3: float, uncertainty_m3: float, billed_m3: float, unbilled_m3: float | None
) -> WaterBalance:
    """Work out the balance of a zone whose system input and billing are of the same whole
    months.
    """
    assumed = []
    if unbilled_m3 is None:
        assumed.append("no unbilled authorised consumption")
    if zone.unauthorised_share is None:
        assumed.append("no unauthorised consumption")
    if zone.customer_meter_error is None:
        assumed.append("customers' meters without error")
    error = zone.customer_meter_error or 0.0
    apparent = (zone.unauthorised_share or 0.0) * input_m3 + billed_m3 * error / (1 - error)
    return WaterBalance(
        input_m3, billed_m3, unbilled_m3 or 0.0, apparent, uncertainty_m3, tuple(assumed)
    )


@dataclass(frozen=True)
class Unavoidable:
    """Litres a day, at a mean pressure in metres; `outside` says where the formula is not valid."""

    litres_a_day: float
    pressure_m: float
    outside: str


def unavoidable(zone: Zone, pressure_m: float | None) -> Unavoidable | None:
    """Work out the unavoidable losses of a zone with its mains and connections in the file; else
    None.
    """
    pressure = zone.pressure_mean_m if zone.pressure_mean_m is not None else pressure_m
    if zone.mains_km is None or not zone.connections or pressure is None or not pressure > 0:
        return None
    private_km = zone.connections * zone.private_pipe_m / 1000
    a_metre = _MAINS * zone.mains_km + _CONNECTION * zone.connections + _PRIVATE * private_km
    why = []
    if zone.connections < _LEAST_CONNECTIONS:
        why.append(f"fewer than {_LEAST_CONNECTIONS} connections")
    if pressure < _LEAST_M:
        why.append(f"less than {_LEAST_M:.0f} m of pressure")
    return Unavoidable(a_metre * pressure, pressure, " and ".join(why))
