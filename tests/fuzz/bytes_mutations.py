"""Mutations of any bytes: flipped bits, numbers at their limits, pieces lost, repeated and out of place."""

from random import Random

EXTREMES = (
    0, 1, 2, 3, 8, 0x7F, 0x80, 0xFF, 1000, 17_000, 30_000, 2**15 - 1, 2**15, 2**16 - 1, 2**16, 100_000, 2**20,
    2**24, 2**28, 2**31 - 1, 2**31, 2**32 - 4, 2**32 - 1, 2**40, 2**63 - 1, 2**63, 2**64 - 1,
)  # fmt: skip
"""Numbers at and beyond the limits of their fields; what does not fit a field loses its upper bytes."""

LARGEST_BYTES = 2**20
"""Mutations that repeat pieces stop here: what grows without bound is no small hostile file."""


def extreme(size: int, order: str, chance: Random) -> bytes:
    """Return an extreme number in `size` bytes."""
    return (chance.choice(EXTREMES) % 256**size).to_bytes(size, "little" if order == "<" else "big")


def put(data: bytes, at: int, value: bytes) -> bytes:
    """Return the data with some bytes replaced."""
    return data[:at] + value + data[at + len(value) :]


def flip_bits(data: bytes, chance: Random) -> bytes:
    """Flip a few bits, more often near the start."""
    damaged = bytearray(data or b"\0")
    reach = len(damaged) if chance.random() < 0.5 else min(len(damaged), 700)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        damaged[chance.randrange(reach)] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def set_number(data: bytes, chance: Random) -> bytes:
    """Set 1, 2, 4 or 8 bytes somewhere to an extreme number."""
    size, order = chance.choice((1, 2, 2, 4, 4, 4, 8)), chance.choice("<>")
    return put(data, chance.randrange(max(1, len(data) - size + 1)), extreme(size, order, chance))


def cut_off(data: bytes, chance: Random) -> bytes:
    """Lose the end."""
    return data[: chance.randrange(len(data))]


def piece(data: bytes, chance: Random) -> tuple[int, int]:
    """Return begin and end of a piece: short ones are likelier."""
    begin = chance.randrange(len(data))
    return begin, min(len(data), begin + int(2 ** chance.uniform(0, 12)))


def lose_a_piece(data: bytes, chance: Random) -> bytes:
    """Leave a piece out."""
    begin, end = piece(data, chance)
    return data[:begin] + data[end:]


def repeat_a_piece(data: bytes, chance: Random) -> bytes:
    """Say a piece again, perhaps often."""
    begin, end = piece(data, chance)
    times = min(chance.choice((1, 1, 2, 100, 5000)), LARGEST_BYTES // (end - begin))
    return data[:end] + data[begin:end] * times + data[end:]


def move_a_piece(data: bytes, chance: Random) -> bytes:
    """Lay a piece over another place."""
    begin, end = piece(data, chance)
    return put(data, chance.randrange(len(data)), data[begin:end])


def random_piece(data: bytes, chance: Random) -> bytes:
    """Replace a piece by noise, zeros or ones."""
    begin, end = piece(data, chance)
    fill = chance.choice((b"\0", b"\xff", None))
    return put(data, begin, chance.randbytes(end - begin) if fill is None else fill * (end - begin))


def padding(data: bytes, chance: Random) -> bytes:
    """Add bytes behind the end."""
    return data + chance.choice((b"\0", b"\xff", b" ", b"\n")) * chance.choice((1, 7, 4096, 400_000))


BYTES = {
    "flip bits": flip_bits, "set a number": set_number, "cut off": cut_off, "lose a piece": lose_a_piece,
    "repeat a piece": repeat_a_piece, "move a piece": move_a_piece, "fill a piece": random_piece, "pad": padding,
}  # fmt: skip


def some_bytes(data: bytes, chance: Random) -> bytes:
    """Damage bytes by any of these mutations."""
    return BYTES[chance.choice(sorted(BYTES))](data, chance) if data else data


def damaged_in_place(data: bytes, chance: Random) -> bytes:
    """Damage bytes without a change of their number, so that what stands behind them keeps its place."""
    return some_bytes(data, chance)[: len(data)].ljust(len(data), b"\0")
