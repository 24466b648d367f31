"""TensorBoard's event files: records of protocol buffers, written without either library.

A record is its length (uint64), the masked CRC-32C of that, the data and its masked CRC-32C, as in
tensorflow/core/lib/io/record_writer.h; the data is an Event of tensorflow/core/util/event.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

_POLYNOMIAL = 0x82F63B78  # CRC-32C, bits reversed


def _table() -> list[int]:
    values = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        values.append(value)
    return values


_TABLE = _table()


def masked_crc(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return b"".join(
        [length, struct.pack("<I", masked_crc(length)), data, struct.pack("<I", masked_crc(data))]
    )


def version_event(time: float) -> bytes:
    """The first event of a file."""
    return _double(1, time) + _bytes(3, b"brain.Event:2")


def start_event(time: float, step: int) -> bytes:
    """A run begins: what files before say of this step and later ones is void."""
    return _double(1, time) + _number(2, step) + _bytes(7, _number(1, 1))


def scalar_event(time: float, step: int, scalars: Mapping[str, float]) -> bytes:
    values = (_bytes(1, _bytes(1, tag.encode()) + _float(2, v)) for tag, v in scalars.items())
    return _double(1, time) + _number(2, step) + _bytes(5, b"".join(values))


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)
