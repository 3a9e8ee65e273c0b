"""pandas: names of frequencies, units and time zones, each from a closed list."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

from modelkeep.errors import GraphError, MissingPackageError, quote
from modelkeep.formats.keep.handlers import Unsaveable
from modelkeep.formats.keep.names import EXTRAS

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

UNITS = ("s", "ms", "us", "ns")
CLOSED = ("left", "right", "both", "neither")
_DAYS = "MON|TUE|WED|THU|FRI|SAT|SUN"
_MONTHS = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
_FREQUENCY = re.compile(
    rf"-?\d{{0,9}}(D|B|h|min|s|ms|us|ns|M|MS|ME|BMS|BME|SMS|SME|W(-({_DAYS}))?"
    rf"|(Q|QS|QE|BQS|BQE|Y|YS|YE|BYS|BYE)(-({_MONTHS}))?)"
)


def library() -> Any:
    try:
        import pandas
    except ModuleNotFoundError:
        hint = f"install it: pip install '{EXTRAS['pandas']}'"
        raise MissingPackageError("the model needs pandas, which is not installed", hint=hint) from None
    return pandas


def frequency_name(frequency: Any) -> str:
    """The alias of a date offset, if it leads back to the same one."""
    name = str(getattr(frequency, "freqstr", frequency))
    if _FREQUENCY.fullmatch(name) and library().tseries.frequencies.to_offset(name) == frequency:
        return name
    raise Unsaveable(f"the frequency {quote(name)} is not one that a file can keep", "set freq to None")


def is_frequency(name: Any) -> bool:
    return type(name) is str and _FREQUENCY.fullmatch(name) is not None


def period_name(dtype: Any) -> str:
    """``Q-DEC`` of ``period[Q-DEC]``: the alias of a period, which is not always that of an offset."""
    name = dtype.name.removeprefix("period[").removesuffix("]")
    if is_frequency(name) and library().PeriodDtype(name) == dtype:
        return str(name)
    raise Unsaveable(f"periods of the frequency {quote(name)} can't be kept", "use one of pandas' own frequencies")


def period_dtype(name: Any) -> Any:
    if not is_frequency(name):
        raise GraphError(f"{quote(repr(name))} is not a frequency of periods")
    try:
        return library().PeriodDtype(name)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise GraphError(f"{quote(name)} is not a frequency of periods: {quote(str(error))}") from None


def encode_tz(encoder: Encoder, tz: Any) -> Any:
    """A zone as Python has it, or the name of one of pytz, which older pandas makes of a name."""
    if tz is None or not type(tz).__module__.startswith("pytz"):
        return encoder.node(tz)
    return str(tz.zone) if tz.zone else encoder.node(dt.timezone(tz.utcoffset(None)))


def decode_tz(builder: Builder, node: Any) -> Any:
    zone = builder.build(node)
    if isinstance(zone, str):
        try:
            return library().DatetimeTZDtype(tz=zone).tz
        except (ValueError, TypeError, KeyError, OSError) as error:
            raise GraphError(f"{quote(zone)} is not a time zone: {quote(str(error))}") from None
    if not isinstance(zone, dt.tzinfo | None):
        raise GraphError("a time zone is needed here")
    return zone


def a_unit(unit: Any) -> str:
    if type(unit) is not str or unit not in UNITS:
        raise GraphError(f"{quote(repr(unit))} is not a unit of time of pandas")
    return unit


def claims(private: str, *names: str, public: str = "pandas") -> tuple[str, ...]:
    """Classes by the public module that newer pandas gives them, and by the one that defines them."""
    return tuple(f"{module}.{name}" for name in names for module in (public, private))
