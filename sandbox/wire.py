"""Frames between trusted code and a candidate: a length, then msgpack; numpy arrays as raw buffers.

Both ends use this module. The trusted end decodes nothing but numbers, strings, lists, dicts, bytes and arrays of plain
numbers: whatever class the candidate's answer had is gone once it arrives.
"""

from __future__ import annotations

import datetime
import math
import struct
import typing
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np

from sandbox import decoding_cost

HEADER = struct.Struct("<I")
"""Length of the payload that follows, bytes."""

ARRAY = 1
"""msgpack extension code of a numpy array."""

DTYPES = {code: np.dtype(code).newbyteorder("<") for code in "?bBhHiIqQefd"}
CODES = {dtype.str: code.encode() for code, dtype in reversed(DTYPES.items())}
MAX_DIMENSIONS = 8
MAX_LENGTH = 2**32 - 1
_DTYPE_OF_BYTE = {ord(code): dtype for code, dtype in DTYPES.items()}
_SHAPES = [struct.Struct(f"<{dimensions}I") for dimensions in range(MAX_DIMENSIONS + 1)]

Shape: TypeAlias = "list[Any] | None"
"""How the records in a value lie: None, ["record", index], ["list", shape] or ["dict", shape]."""


PLAIN = 0
"""The shape of arguments that hold no record, which needs no definition."""


class Record(msgspec.Struct, array_like=True, frozen=True):
    """Base of the facts handed to a candidate, which sees an object with the same attributes.

    Fields: numbers, strings, tuples, lists, dicts, numpy arrays, further records.
    """


class Malformed(Exception):
    """A frame does not hold what the protocol allows."""


def array_bytes(array: np.ndarray) -> bytes:
    """Return the payload of an array: dtype code, number of dimensions, each length, the numbers in C order.

    array: (...) any shape of up to 8 dimensions. Raises TypeError for a dtype that is no plain number.
    """
    code = CODES.get(array.dtype.newbyteorder("<").str)
    if max(array.shape, default=0) > MAX_LENGTH:  # an empty array may be as long as it likes in its other dimensions
        raise TypeError(f"an array of shape {array.shape} cannot be sent")
    if code is None or array.ndim > MAX_DIMENSIONS:
        raise TypeError(f"an array of dtype {array.dtype} and {array.ndim} dimensions cannot be sent")
    plain = np.ascontiguousarray(array, dtype=DTYPES[code.decode()])
    return code + struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape) + plain.tobytes()


def array_from(data: memoryview) -> np.ndarray:
    """Read what `array_bytes` wrote; the array owns its memory. Raises Malformed."""
    if len(data) < 2:
        raise Malformed("an array without a header")
    dtype = _DTYPE_OF_BYTE.get(data[0])
    dimensions = data[1]
    start = 2 + 4 * dimensions
    if dtype is None or dimensions > MAX_DIMENSIONS or len(data) < start:
        raise Malformed("an array with a header that says nothing known")
    shape = _SHAPES[dimensions].unpack_from(data, 2)
    if math.prod(shape) * dtype.itemsize != len(data) - start:
        raise Malformed(f"an array of shape {shape} with {len(data) - start} bytes")
    flat = np.frombuffer(data, dtype=dtype, offset=start)
    if dtype.kind == "b":  # a byte of 255 counts as true here and as 255 there
        flat = flat.view(np.uint8) != 0
    return flat.copy() if dimensions == 1 else flat.reshape(shape).copy()


def pack(array: np.ndarray) -> msgspec.Raw:
    """Return an array in the form in which it is sent, for a field that holds the same array many times.

    array: (...) as in `array_bytes`.
    """
    return msgspec.Raw(msgspec.msgpack.encode(msgspec.msgpack.Ext(ARRAY, array_bytes(array))))


def _encode_other(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return msgspec.msgpack.Ext(ARRAY, array_bytes(value))
    if isinstance(value, np.generic) and not isinstance(plain := value.item(), np.generic):
        return plain  # a long double stays what it is
    raise NotImplementedError(f"{type(value).__name__} cannot be sent")


def _decode_extension(code: int, data: memoryview) -> np.ndarray:
    if code != ARRAY:
        raise Malformed(f"extension {code}")
    return array_from(data)


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode_other)
_decoder = msgspec.msgpack.Decoder(ext_hook=_decode_extension)


def encode(value: Any) -> bytes:
    """Return the frame of a value, header included. Raises TypeError for what cannot be sent, OverflowError too."""
    payload = bytearray(HEADER.size)
    try:
        _encoder.encode_into(value, payload, HEADER.size)
    except NotImplementedError as error:
        raise TypeError(str(error)) from None
    HEADER.pack_into(payload, 0, len(payload) - HEADER.size)
    return payload  # type: ignore[return-value]  # sendall takes both


def decode(payload: memoryview) -> Any:
    """Read a payload as plain values. Raises Malformed for whatever is not one, or would cost too much."""
    if len(payload) > decoding_cost.SMALL and (bomb := decoding_cost.refusal(payload)):
        raise Malformed(bomb)
    try:
        value = _decoder.decode(payload)
    except (msgspec.DecodeError, RecursionError, ValueError, TypeError, OverflowError) as error:
        raise Malformed(str(error) or type(error).__name__) from None
    data = bytes(payload)
    if (b"\xd6\xff" in data or b"\xd7\xff" in data or b"\xc7\x0c\xff" in data) and _holds_a_date(value):
        raise Malformed("a date, which is no plain value")  # msgspec reads msgpack's extension -1 unasked
    return value


def _holds_a_date(value: Any) -> bool:
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, list | tuple):
            todo += item
        elif isinstance(item, dict):
            todo += item
            todo += item.values()
        elif isinstance(item, datetime.datetime):
            return True
    return False


class Signatures:
    """Trusted end: numbers the shapes of arguments, so that the candidate's end can rebuild the records in them."""

    def __init__(self) -> None:
        self._records: dict[type, int] = {}
        self._fields: list[tuple[str, list[tuple[str, Shape]]]] = []
        self._known: dict[Any, int] = {}

    def of(self, arguments: Sequence[Any]) -> tuple[int, list[Any] | None]:
        """Return the number of the arguments' shape, and its definition when it has not been sent yet."""
        key = tuple([_key(a) for a in arguments])
        if not any(key):
            return PLAIN, None
        number = self._known.get(key)
        if number is not None:
            return number, None
        before = len(self._fields)
        shapes = [self._shape_of_value(a) for a in arguments]
        number = self._known[key] = PLAIN + 1 + len(self._known)
        return number, [number, shapes, before, self._fields[before:]]

    def _shape_of_value(self, value: Any) -> Shape:
        if isinstance(value, Record):
            return ["record", self._number(type(value))]
        if isinstance(value, list | tuple) and value and isinstance(value[0], Record):
            return ["list", ["record", self._number(type(value[0]))]]
        return None

    def _number(self, record: type) -> int:
        if record not in self._records:
            self._records[record] = number = len(self._fields)
            fields: list[tuple[str, Shape]] = []
            self._fields.append((record.__name__, fields))
            hints = typing.get_type_hints(record)
            fields += [(f.name, self._shape_of_type(hints[f.name])) for f in msgspec.structs.fields(record)]
            return number
        return self._records[record]

    def _shape_of_type(self, hint: Any) -> Shape:
        if isinstance(hint, type) and issubclass(hint, Record):
            return ["record", self._number(hint)]
        inner = typing.get_args(hint)
        origin = typing.get_origin(hint)
        if origin in (list, tuple) and inner and (origin is list or inner[1:] == (Ellipsis,)):
            shape = self._shape_of_type(inner[0])
            return ["list", shape] if shape else None
        if origin is dict and len(inner) == 2:
            shape = self._shape_of_type(inner[1])
            return ["dict", shape] if shape else None
        return None


def _key(value: Any) -> Any:
    if isinstance(value, Record):
        return type(value)
    if isinstance(value, list | tuple) and value and isinstance(value[0], Record):
        return list, type(value[0])
    return None


class Readers:
    """Candidate's end: a decoder for every shape of arguments that was defined."""

    def __init__(self) -> None:
        self._records: list[Any] = []
        self._small_arrays: dict[bytes, np.ndarray] = {}
        self._arguments: list[msgspec.msgpack.Decoder[Any]] = [_decoder]
        self._batches: list[msgspec.msgpack.Decoder[Any]] = [
            msgspec.msgpack.Decoder(list[Any], ext_hook=self._shared_extension)
        ]

    def define(self, definition: list[Any]) -> None:
        """Take in a definition of `Signatures.of`."""
        _, shapes, first, records = definition
        names = {f"Record{first + i}": None for i in range(len(records))}
        built: dict[str, Any] = {f"Record{i}": r for i, r in enumerate(self._records)} | names
        for i in range(len(records) - 1, -1, -1):  # a record comes before the records it holds
            name, fields = records[i]
            struct_type = msgspec.defstruct(
                name, [(f, self._type(shape, built)) for f, shape in fields], array_like=True, frozen=True
            )
            built[f"Record{first + i}"] = struct_type
        self._records += [built[f"Record{first + i}"] for i in range(len(records))]
        types = [self._type(shape, built) for shape in shapes]
        self._arguments.append(msgspec.msgpack.Decoder(tuple[tuple(types)], ext_hook=_decode_extension))  # type: ignore[misc]
        one = types[0]
        self._batches.append(msgspec.msgpack.Decoder(list[one], ext_hook=self._shared_extension))  # type: ignore[valid-type]

    def arguments(self, signature: int, raw: Any) -> Sequence[Any]:
        """Return the arguments of one call."""
        arguments: Sequence[Any] = self._arguments[signature].decode(raw)
        return arguments

    def batch(self, signature: int, raw: Any) -> list[Any]:
        """Return one argument for each of many calls."""
        batch: list[Any] = self._batches[signature].decode(raw)
        return batch

    def _type(self, shape: Shape, built: dict[str, Any]) -> Any:
        if shape is None:
            return Any
        kind, inner = shape
        if kind == "record":
            return built[f"Record{inner}"]
        element: Any = self._type(inner, built)
        return list[element] if kind == "list" else dict[str, element]  # built from data, not for a type checker

    def _shared_extension(self, code: int, data: memoryview) -> Any:
        if len(data) > 64:
            return _decode_extension(code, data)
        key = bytes(data)
        array = self._small_arrays.get(key)
        if array is None:
            array = _decode_extension(code, data)
            # One object serves all observations that hold the same facts, so nobody may write to it.
            array.flags.writeable = False
            if len(self._small_arrays) < 4096:
                self._small_arrays[key] = array
        return array
