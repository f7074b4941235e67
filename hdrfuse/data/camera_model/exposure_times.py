"""Exposure times as cameras write them: rounded to the names of shutter dials, though the shutter halves exactly."""

from fractions import Fraction

THIRDS = """
1/8000 1/6400 1/5000 1/4000 1/3200 1/2500 1/2000 1/1600 1/1250 1/1000 1/800 1/640 1/500 1/400 1/320 1/250 1/200 1/160
1/125 1/100 1/80 1/60 1/50 1/40 1/30 1/25 1/20 1/15 1/13 1/10 1/8 1/6 1/5 1/4 0.3 0.4 0.5 0.6 0.8 1 1.3 1.6 2 2.5 3.2
4 5 6 8 10 13 15 20 25 30
"""
"""Seconds, by thirds of a stop, as makers' dials name them; 1/60 stands for 1/64, 15 for 16."""

NOMINAL_S = tuple(map(Fraction, THIRDS.split()))


def nominal_time_s(third_stops: int) -> Fraction:
    """Return what a camera writes for 2^(third_stops / 3) seconds, -39 to 15. Raises IndexError beyond."""
    place = third_stops + NOMINAL_S.index(Fraction(1))
    if place < 0:
        raise IndexError(f"{third_stops} thirds of a stop below a second; a dial ends at -39")
    return NOMINAL_S[place]
