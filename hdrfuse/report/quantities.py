"""Quantities as a reader expects them: minus signs, units, and a dash for what is not known."""

from datetime import datetime

UNKNOWN = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def ev(value: float | None) -> str:
    """Return stops with their sign: a true minus, `0`, `+0.7`."""
    if value is None:
        return UNKNOWN
    text = f"{abs(value):.2f}".rstrip("0").rstrip(".")
    sign = "" if text == "0" else MINUS if value < 0 else "+"
    return sign + text


def exposure_time(value_s: float | None) -> str:
    """Return a shutter speed as cameras write it: `1/250 s`, `2.5 s`."""
    if value_s is None or value_s <= 0:
        return UNKNOWN
    return f"1/{1 / value_s:.0f} s" if value_s < 0.3 else f"{value_s:.3g} s"


def f_number(value: float | None) -> str:
    """Return an aperture: `f/8`."""
    return UNKNOWN if value is None else f"f/{value:.3g}"


def plain(value: float | None, unit: str = "", *, decimals: int = 0) -> str:
    """Return a number with its unit: `12.3 px`."""
    if value is None:
        return UNKNOWN
    number = f"{value:,.{decimals}f}".replace("-", MINUS)
    return f"{number} {unit}" if unit else number


def share(value: float | None) -> str:
    """Return a share of 1 in percent: `3.4 %`."""
    return UNKNOWN if value is None else f"{100 * value:.1f} %"


def duration(value_s: float | None) -> str:
    """Return a time that a person waited: `0.84 s`, `12.4 s`, `4 min 10 s`, `2 h 5 min`."""
    if value_s is None:
        return UNKNOWN
    if value_s < 59.95:
        return f"{value_s:.2f} s" if value_s < 9.995 else f"{value_s:.1f} s"
    minutes, seconds = divmod(round(value_s), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"


def extent(width: int, height: int) -> str:
    """Return a picture's size: 6000 by 4000 pixels, with a true sign between."""
    return f"{width} \N{MULTIPLICATION SIGN} {height} px"


def moment(value: datetime | None) -> str:
    """Return a date and time: `2026-05-01 18:30`."""
    return UNKNOWN if value is None else f"{value:%Y-%m-%d %H:%M}"
