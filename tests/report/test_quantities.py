from datetime import datetime

import pytest

from hdrfuse.report import quantities as q

CASES = [
    (q.ev(-2.0), "\N{MINUS SIGN}2"),
    (q.ev(0.0), "0"),
    (q.ev(-0.001), "0"),
    (q.ev(2 / 3), "+0.67"),
    (q.ev(10.0), "+10"),
    (q.ev(None), "\N{EN DASH}"),
    (q.exposure_time(0.004), "1/250 s"),
    (q.exposure_time(1 / 3), "0.333 s"),
    (q.exposure_time(30.0), "30 s"),
    (q.exposure_time(0.0), "\N{EN DASH}"),
    (q.f_number(5.6), "f/5.6"),
    (q.f_number(8.0), "f/8"),
    (q.plain(12345.6, "MB"), "12,346 MB"),
    (q.plain(-1.25, decimals=2), "\N{MINUS SIGN}1.25"),
    (q.share(0.034), "3.4 %"),
    (q.duration(0.844), "0.84 s"),
    (q.duration(12.44), "12.4 s"),
    (q.duration(59.96), "1 min 0 s"),
    (q.duration(7513), "2 h 5 min"),
    (q.duration(None), "\N{EN DASH}"),
    (q.moment(datetime(2026, 5, 1, 18, 30)), "2026-05-01 18:30"),
]


@pytest.mark.parametrize(("shown", "expected"), CASES)
def test_quantities_read_as_people_write_them(shown: str, expected: str):
    assert shown == expected
