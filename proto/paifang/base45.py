"""Base45 (RFC 9285): bytes <-> the alphanumeric set of a QR code.

Strict: lower case, a dangling character or a group above its range is refused, so each byte
string has exactly one text and the other way round.
"""

from __future__ import annotations

ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUE = {character: value for value, character in enumerate(ALPHABET)}


def encode(data: bytes) -> bytes:
    """Three characters for each two bytes, two for a last odd one."""
    text = bytearray()
    for at in range(0, len(data) - 1, 2):
        number = data[at] << 8 | data[at + 1]
        number, low = divmod(number, 45)
        high, middle = divmod(number, 45)
        text += bytes((ALPHABET[low], ALPHABET[middle], ALPHABET[high]))
    if len(data) % 2:
        high, low = divmod(data[-1], 45)
        text += bytes((ALPHABET[low], ALPHABET[high]))
    return bytes(text)


def decode(text: bytes) -> bytes:
    """The bytes behind the text.

    Raises:
        ValueError: a character outside the alphabet, a length no byte string encodes to, or a group
            whose value is above 65535 (255 for the last pair).
    """
    if len(text) % 3 == 1:
        raise ValueError("base45: a dangling character")
    data = bytearray()
    try:
        values = [_VALUE[character] for character in text]
    except KeyError as problem:
        raise ValueError(f"base45: character {problem.args[0]:#04x} is not in the alphabet") from None
    whole = len(values) - len(values) % 3
    for at in range(0, whole, 3):
        number = values[at] + 45 * values[at + 1] + 2025 * values[at + 2]
        if number > 0xFFFF:
            raise ValueError("base45: a group above 65535")
        data += number.to_bytes(2, "big")
    if whole < len(values):
        number = values[whole] + 45 * values[whole + 1]
        if number > 0xFF:
            raise ValueError("base45: a last pair above 255")
        data.append(number)
    return bytes(data)
