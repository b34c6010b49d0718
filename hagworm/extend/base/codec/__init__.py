"""Values as JSON, MessagePack and XML, bytes as text, and the way back.

What comes from outside is read strictly and within limits: `BadEncoding` for what is not in the format, `LimitExceeded`
for what is larger or deeper than it may be.
"""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.base.codec.compression import decode_zlib as decode_zlib
    from hagworm.extend.base.codec.compression import encode_zlib as encode_zlib
    from hagworm.extend.base.codec.json import decode_json as decode_json
    from hagworm.extend.base.codec.json import encode_json as encode_json
    from hagworm.extend.base.codec.json import format_json as format_json
    from hagworm.extend.base.codec.letters import decode_base32 as decode_base32
    from hagworm.extend.base.codec.letters import decode_base58 as decode_base58
    from hagworm.extend.base.codec.letters import decode_base62 as decode_base62
    from hagworm.extend.base.codec.letters import decode_base64 as decode_base64
    from hagworm.extend.base.codec.letters import encode_base32 as encode_base32
    from hagworm.extend.base.codec.letters import encode_base58 as encode_base58
    from hagworm.extend.base.codec.letters import encode_base62 as encode_base62
    from hagworm.extend.base.codec.letters import encode_base64 as encode_base64
    from hagworm.extend.base.codec.msgpack import decode_msgpack as decode_msgpack
    from hagworm.extend.base.codec.msgpack import encode_msgpack as encode_msgpack
    from hagworm.extend.base.codec.xml import decode_xml as decode_xml
    from hagworm.extend.base.codec.xml import encode_xml as encode_xml
    from hagworm.extend.base.codec.xml import parse_xml as parse_xml

# Loaded on first use: who wants base64 needs no XML.
HOMES = {
    "decode_base32": "hagworm.extend.base.codec.letters",
    "decode_base58": "hagworm.extend.base.codec.letters",
    "decode_base62": "hagworm.extend.base.codec.letters",
    "decode_base64": "hagworm.extend.base.codec.letters",
    "decode_json": "hagworm.extend.base.codec.json",
    "decode_msgpack": "hagworm.extend.base.codec.msgpack",
    "decode_xml": "hagworm.extend.base.codec.xml",
    "decode_zlib": "hagworm.extend.base.codec.compression",
    "encode_base32": "hagworm.extend.base.codec.letters",
    "encode_base58": "hagworm.extend.base.codec.letters",
    "encode_base62": "hagworm.extend.base.codec.letters",
    "encode_base64": "hagworm.extend.base.codec.letters",
    "encode_json": "hagworm.extend.base.codec.json",
    "encode_msgpack": "hagworm.extend.base.codec.msgpack",
    "encode_xml": "hagworm.extend.base.codec.xml",
    "encode_zlib": "hagworm.extend.base.codec.compression",
    "format_json": "hagworm.extend.base.codec.json",
    "parse_xml": "hagworm.extend.base.codec.xml",
}

__all__ = tuple(HOMES)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
