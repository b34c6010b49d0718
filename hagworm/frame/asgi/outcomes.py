"""What the parsers of ASGI servers decide, by row of the conformance matrix, where it is not what the facade would.

An outcome is the first line of everything that comes back: statuses, then how the connection is left. Where it reads
like the one expected, the words of the answer are the parser's own; where it depends on who is faster, both are named.
Measured by `tests/contract`.
"""

from collections.abc import Mapping

__all__ = ("OUTCOMES",)

# What uvicorn's parsers answer themselves, and its WebSockets.
UVICORN = {
    "P17": "400 closed",
    "Q9": "400 closed",
    "H21": "200 closed",
    "W3": "400",
    "W6": "405",
    "W9": "101",
    "W13-ignore": "403",
}

HTTPTOOLS = UVICORN | {
    "P20": "400 closed",
    "P30": "400 closed",
    "P31": "400 closed",
    "H8": "400 closed",
    "H22": "400 closed",
    "B42": "400 closed",
}

OUTCOMES: Mapping[str, Mapping[str, str]] = {
    # The parser httptools below our own protocol, which is what `hagworm run` and the Gunicorn worker serve with.
    "uvicorn-httptools": HTTPTOOLS,
    "uvicorn-h11": UVICORN
    | {
        "H5": "200 kept",
        "H10": "200 kept",
        "H11": "400 closed",
        "H12": "400 closed",
        "H19": "400 closed",
        "B44": "400 closed",
        "L12": "open",
    },
    # Under its own command, with its own protocol: it hides the origin of a target and a fragment behind it, takes
    # trailers for headers, sends chunks to HTTP/1.0, agrees to compression, and ends with the signal that stopped it.
    "uvicorn": HTTPTOOLS
    | {
        "P16": "200 kept",
        "P18-host": "421 kept",
        "P21": "400 closed",
        "H15": "409 kept",
        "R7": "200 transfer-encoding: chunked closed",
        "L10": "-15",
        "L12": "open",
        "W29": "101 extensions: permessage-deflate",
    },
    # Under its own command. It tells neither the origin of a target nor a missing Host, calls broken framing a
    # disconnect, adds the fields of a handshake to its refusal, and sends close frames without a code.
    "granian": {
        "P16": "200 kept",
        "P18-host": "421 kept",
        "H8": "400 closed",
        "H10": "200 kept",
        "H11": "200 kept",
        "H17": "431 closed",
        "H22": "400 closed",
        "H22-2.0": "400 closed",
        "H25": "date: 1, server: 1",
        "B41": "200 closed",
        "B46": '400 ["told as 400"]',
        "L2": "1",
        "L8": "1006",
        "L11": "open",
        "L12": "open",
        "W1": "404",
        "W2": "404",
        "W3": "400",
        "W5": "101",
        "W6": "101",
        "W9": "505",
        "W12": "403",
        "W13": "401",
        "W13-ignore": "403",
        "W14": "101 headers: none",
        "W15": "403",
        "W15-invalid": "422",
        "W20": '101 ["1006","send: 1006"]',
        **dict.fromkeys(("W23", "W24", "W25", "W25-opcode", "W25-ping", "W25-continuation", "W27"), "101 close 1005"),
    },
    # Under its own command. It sends 100 before it asks, knows a close frame only as a lost connection, drops the
    # connection where the protocol is broken, and agrees to compression.
    "hypercorn": {
        "P17": "400 closed",
        "P31": "200 kept",
        "Q9": "400 closed",
        "H5": "200 kept",
        "H10": "200 kept",
        "H11": "400 closed",
        "H12": "400 closed",
        "H19": "400 closed",
        "H21": "200 closed",
        "H25": "date: 1, server: 1",
        "B44": "501 closed",
        "B46": 'nothing ["disconnected"] or 400 ["disconnected"]',
        "B49": "404 interim: 100 closed",
        "B49-large": "413 interim: 100 closed",
        "L2": "0",
        "L7": "closed",
        "L8": "1011",
        "L9": "nothing",
        "W3": "400",
        "W5": "101",
        "W9": "400",
        "W11": '101 text {"offered":["c"],"chosen":null}',
        "W19": '101 close 4001 ["1006","send: 1006"]',
        "W20": '101 ["1006","send: 1006"]',
        **dict.fromkeys(("W22-1005", "W22-999", "W22-5000", "W23", "W24"), "101 close 1006"),
        **dict.fromkeys(("W25", "W25-opcode", "W25-ping", "W25-continuation", "W27"), "101 close 1006"),
        "W29": "101 extensions: permessage-deflate",
    },
    # Its own ASGI worker. Ours carries uvicorn's protocol, so nothing here is played by the suite.
    "gunicorn": {},
    "unknown": {},
}
