"""The functions over values beside what people use for them today.

    pip install orjson uuid-utils python-ulid nanoid base58
    python benchmarks/toolbox/values.py [--rounds 9]

All candidates run in one process and take turns (A B C A B C …); a figure is the median of the rounds, in microseconds
of processor time per operation. A ratio above 1 means that the peer costs more. A peer that is not installed is named
and left out.
"""

import argparse
import gc
import importlib
import json
import time
import uuid
from collections.abc import Callable
from itertools import repeat
from random import Random
from statistics import median
from typing import Any

from hagworm.extend.base import choice, codec, digest, identifier, radix, text
from hagworm.extend.struct import ByteArray

Operation = Callable[[], object]

ORDER = {
    "id": 7,
    "name": "Ada Lovelace",
    "paid": True,
    "total": 129.95,
    "note": None,
    "address": {"street": "12 St James's Square", "city": "London", "lines": ["first floor", "back door"]},
    "items": [{"sku": f"A-{number:04}", "count": number, "price": number * 1.25} for number in range(12)],
}
SMALL = {"id": 7, "ok": True}


def peer(name: str, install: str) -> Any:
    """Return an installed module, or None, and say so."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"not installed, left out: {name} (pip install {install})")
        return None


def compare(title: str, goal: str, candidates: dict[str, Operation], rounds: int, count: int) -> None:
    """Print the medians of each candidate, and its ratio to the first."""
    used: dict[str, list[float]] = {name: [] for name in candidates}

    for operation in candidates.values():
        operation()

    for _ in range(rounds):
        for name, operation in candidates.items():
            gc.collect()
            start = time.process_time()

            for _ in repeat(None, count):
                operation()

            used[name].append((time.process_time() - start) / count * 1e6)

    print(f"\n{title} (goal: {goal})")
    ours = median(used[next(iter(used))])

    for name, figures in used.items():
        print(f"  {name:<36} {median(figures):9.3f} µs   x{median(figures) / ours:.2f}")


def formats(rounds: int) -> None:
    msgspec, orjson = peer("msgspec", "msgspec"), peer("orjson", "orjson")

    for title, value in (("1 KiB", ORDER), ("20 bytes", SMALL)):
        data = codec.encode_json(value)
        encoders: dict[str, Operation] = {"codec.encode_json": lambda value=value: codec.encode_json(value)}
        decoders: dict[str, Operation] = {"codec.decode_json": lambda data=data: codec.decode_json(data)}

        if msgspec is not None:
            encode, decode = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode
            encoders["msgspec.json.encode"] = lambda value=value: msgspec.json.encode(value)
            encoders["msgspec.json.Encoder().encode"] = lambda value=value, encode=encode: encode(value)
            decoders["msgspec.json.decode"] = lambda data=data: msgspec.json.decode(data)
            decoders["msgspec.json.Decoder().decode"] = lambda data=data, decode=decode: decode(data)

        if orjson is not None:
            encoders["orjson.dumps"] = lambda value=value: orjson.dumps(value)
            decoders["orjson.loads"] = lambda data=data: orjson.loads(data)

        encoders["json.dumps"] = lambda value=value: json.dumps(value)
        decoders["json.loads"] = lambda data=data: json.loads(data)
        compare(f"JSON out, {title}", "within 10 % of msgspec", encoders, rounds, 20_000)
        compare(f"JSON in, {title}", "within 10 % of msgspec", decoders, rounds, 20_000)

    raw = bytes(range(256)) * 4
    packed = codec.encode_base64(raw)
    base64 = importlib.import_module("base64")
    compare(
        "base64 of 1 KiB in, strictly",
        "2 times the lax one",
        {
            "codec.decode_base64": lambda: codec.decode_base64(packed),
            "base64.urlsafe_b64decode": lambda: base64.urlsafe_b64decode(packed + "=="),
        },
        rounds,
        20_000,
    )

    if (base58 := peer("base58", "base58")) is not None:
        compare(
            "base58 of 32 bytes out",
            "no slower",
            {
                "codec.encode_base58": lambda: codec.encode_base58(raw[7:39]),
                "base58.b58encode": lambda: base58.b58encode(raw[7:39]),
            },
            rounds,
            5000,
        )


def identifiers(rounds: int) -> None:
    snowflake = identifier.Snowflake(1, ahead=10**9)
    candidates: dict[str, Operation] = {
        "uuid7": identifier.uuid7,
        "uuid4": identifier.uuid4,
        "ulid": identifier.ulid,
        "Snowflake.next_id": snowflake.next_id,
        "nanoid": identifier.nanoid,
        "uuid.uuid4 (standard library)": uuid.uuid4,
        "uuid.uuid1 (standard library)": uuid.uuid1,
    }

    if (uuid_utils := peer("uuid_utils", "uuid-utils")) is not None:
        candidates["uuid_utils.uuid7 (Rust)"] = uuid_utils.uuid7

    if (ulid := peer("ulid", "python-ulid")) is not None:
        candidates["str(ulid.ULID())"] = lambda: str(ulid.ULID())

    if (nanoid := peer("nanoid", "nanoid")) is not None:
        candidates["nanoid.generate"] = nanoid.generate

    compare("an identifier", "uuid7 no slower than uuid.uuid4 twice", candidates, rounds, 20_000)


def numbers(rounds: int) -> None:
    number = uuid.UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f").int
    text_36 = radix.to_radix(number, radix.BASE36)
    compare(
        "128 bits as text",
        "reported",
        {
            "to_radix, base 62": lambda: radix.to_radix(number),
            "to_radix, base 36": lambda: radix.to_radix(number, radix.BASE36),
            "from_radix, base 36": lambda: radix.from_radix(text_36, radix.BASE36),
            "int(text, 36) (standard library)": lambda: int(text_36, 36),
        },
        rounds,
        10_000,
    )
    weights = {number: float(number % 17) for number in range(1000)}
    table, random = choice.AliasTable(weights), Random(1)
    names, shares = list(weights), list(weights.values())
    compare(
        "one of 1000 by weight",
        "faster than random.choices",
        {
            "AliasTable.choose": lambda: table.choose(random=random),
            "random.choices (standard library)": lambda: random.choices(names, shares),
        },
        rounds,
        2000,
    )
    compare(
        "other values",
        "reported",
        {
            "stable_hash64 of a str": lambda: digest.stable_hash64("user:1234567"),
            "sha256 of a str": lambda: digest.sha256("user:1234567"),
            "display_width, 20 Chinese": lambda: text.display_width("中文字符宽度测试中文字符宽度测试中文字符"),
            "display_width, 40 ASCII": lambda: text.display_width("x" * 40),
            "ByteArray: u32, varint, string": lambda: ByteArray().write_u32(7).write_varint(300).write_string("abc"),
        },
        rounds,
        5000,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    formats(options.rounds)
    identifiers(options.rounds)
    numbers(options.rounds)


if __name__ == "__main__":
    main()
