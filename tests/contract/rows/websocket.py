"""Section 2.9 of the matrix: WebSockets."""

from tests.contract.expected import answer, invalid, problem, request, row, script
from tests.contract.script import (
    CloseCode,
    Ended,
    Extensions,
    Frame,
    Greeting,
    Join,
    Message,
    Notes,
    Pong,
    Reset,
    Send,
    Upgrade,
    binary,
    closing,
    ping,
    text,
)

OPEN = b"101"
ECHO = Upgrade("/ws/echo")
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
VERSION = "Sec-WebSocket-Version: 13"
TWO_LINES = ("Sec-WebSocket-Protocol: a,chat", "Sec-WebSocket-Protocol: c")
UPGRADE = ("Upgrade: websocket", "Connection: Upgrade")


def handshake(*lines: str, method: str = "GET", version: str = "1.1") -> Send:
    return Send(request("/ws/echo", *lines, method=method, version=version))


ROWS = (
    script(
        "W0",
        "Messages go both ways",
        [ECHO, text("hé"), Message(), binary(b"\x00\xff"), Message()],
        [OPEN, "text hé".encode(), b"binary \x00\xff"],
    ),
    script(
        "W0-parameters",
        "A handler is bound as on HTTP",
        [Upgrade("/ws/room/7?q=x", ((b"x-a", b"1"),)), Message(), CloseCode()],
        [OPEN, b'text {"n":7,"q":"x","x-a":"1"}', b"close 1000"],
    ),
    script(
        "W1",
        "A handshake for an unknown path is 404",
        [Upgrade("/ws/missing")],
        [problem(404, "there is nothing at /ws/missing")],
        tier="B",
    ),
    script(
        "W2",
        "A handshake for a path of HTTP is 404",
        [Upgrade("/only")],
        [problem(404, "there is nothing at /only")],
        tier="B",
    ),
    script(
        "W3",
        "Another version of the protocol is 426",
        [handshake(*UPGRADE, KEY, "Sec-WebSocket-Version: 12"), Join()],
        [b"426"],
        tier="C",
    ),
    script("W4", "A handshake without a key is refused", [handshake(*UPGRADE, VERSION), Join()], [b"400"], tier="C"),
    script(
        "W5",
        "A handshake with a malformed key is refused",
        [handshake(*UPGRADE, VERSION, "Sec-WebSocket-Key: abc"), Join()],
        [b"400"],
        tier="C",
    ),
    script(
        "W6",
        "Only GET upgrades",
        [handshake(*UPGRADE, VERSION, KEY, "Content-Length: 0", method="POST"), Join()],
        [problem(426, "this is a WebSocket", headers={"upgrade": "websocket"})],
        tier="C",
    ),
    script(
        "W7",
        "Connection is a list of tokens",
        [handshake(UPGRADE[0], "Connection: keep-alive, Upgrade", VERSION, KEY), Join(), text("hi"), Message()],
        [OPEN, b"text hi"],
    ),
    row(
        "W8",
        "Without it there is no upgrade",
        request("/ws/echo", UPGRADE[0], VERSION, KEY),
        problem(426, "this is a WebSocket", headers={"upgrade": "websocket"}),
    ),
    script(
        "W9",
        "HTTP/1.0 has no upgrade",
        [handshake(*UPGRADE, VERSION, KEY, version="1.0"), Join()],
        [problem(426, "this is a WebSocket", headers={"upgrade": "websocket"})],
        tier="C",
    ),
    script(
        "W10",
        "The server chooses among the subprotocols",
        [Upgrade("/ws/protocols", subprotocols=("chat", "superchat")), Message()],
        [
            b"101 superchat",
            b'text {"offered":["chat","superchat"],"chosen":"superchat"}',
        ],
    ),
    script(
        "W10-none",
        "Where no subprotocol suits, there is none",
        [Upgrade("/ws/protocols", subprotocols=("other",)), Message()],
        [b"101", b'text {"offered":["other"],"chosen":null}'],
    ),
    script(
        "W11",
        "Subprotocols may come on several lines",
        [Send(request("/ws/protocols", *UPGRADE, VERSION, KEY, *TWO_LINES)), Join(), Message()],
        [
            b"101 chat",
            b'text {"offered":["a","chat","c"],"chosen":"chat"}',
        ],
        tier="B",
    ),
    script(
        "W12",
        "A page of another origin is refused",
        [Upgrade("/ws/echo", ((b"origin", b"https://evil.example"),))],
        [
            problem(
                403, "WebSockets from the origin 'https://evil.example' are not served; see App(websocket_origins=…)"
            )
        ],
        tier="B",
    ),
    script(
        "W12-same",
        "A page of our own origin is not refused",
        [Upgrade("/ws/echo", ((b"origin", b"http://a"),))],
        [OPEN],
    ),
    script(
        "W12-friend",
        "A page of an allowed origin is not refused",
        [Upgrade("/ws/echo", ((b"origin", b"https://friend.example"),))],
        [OPEN],
    ),
    script(
        "W13",
        "A handler may refuse with any response",
        [Upgrade("/ws/reject")],
        [answer(401, "not you", "text/plain", {"www-authenticate": "Basic"})],
        tier="B",
    ),
    script("W13-ignore", "A handler that does nothing refuses", [Upgrade("/ws/ignore")], [answer(403)], tier="B"),
    script(
        "W14",
        "An acceptance carries headers",
        [Upgrade("/ws/protocols"), Greeting()],
        [OPEN, b"headers: x-extra=yes"],
        tier="B",
    ),
    script(
        "W15",
        "A dependency that fails refuses with its status",
        [Upgrade("/ws/auth", ((b"x-token", b"bad"),))],
        [problem(403, "bad token")],
        tier="B",
    ),
    script(
        "W15-good",
        "A dependency of a WebSocket is injected",
        [Upgrade("/ws/auth", ((b"x-token", b"good"),)), Message()],
        [OPEN, b"text good"],
    ),
    script(
        "W15-invalid",
        "Parameters of a WebSocket are validated",
        [Upgrade("/ws/needs?q=x")],
        [
            invalid(
                (["query", "q"], "Input should be a valid integer, unable to parse string as an integer", "int_parsing")
            )
        ],
        tier="B",
    ),
    script(
        "W16",
        "The server closes with code and reason",
        [Upgrade("/ws/close"), Message(), Ended()],
        [OPEN, b"close 4001 bye", b"ended"],
    ),
    script(
        "W16-illegal",
        "The server does not close with a code that may not be sent",
        [Upgrade("/ws/close?code=1005"), CloseCode()],
        [OPEN, b"close 1011"],
    ),
    script(
        "W16-long",
        "The server does not close with a reason that is too long",
        [Upgrade("/ws/close?reason=" + "x" * 124), CloseCode()],
        [OPEN, b"close 1011"],
    ),
    script("W17", "A handler that fails closes with 1011", [Upgrade("/ws/error"), CloseCode()], [OPEN, b"close 1011"]),
    script(
        "W18",
        "A handler that returns closes with 1000",
        [Upgrade("/ws/room/1"), Message(), CloseCode()],
        [OPEN, b'text {"n":1,"q":"none","x-a":"none"}', b"close 1000"],
    ),
    script(
        "W19",
        "A handler sees the code of a close",
        [Upgrade("/ws/observed/{key}"), closing(4001), CloseCode(), Notes(2)],
        [OPEN, b"close 4001", b'["4001","send: 4001"]'],
        tier="B",
    ),
    script(
        "W20",
        "A close without a code is 1005",
        [Upgrade("/ws/observed/{key}"), closing(), Notes(2)],
        [OPEN, b'["1005","send: 1005"]'],
        tier="B",
    ),
    script(
        "W21",
        "A connection that is lost is 1006",
        [Upgrade("/ws/observed/{key}"), Reset(), Notes(2)],
        [OPEN, b'["1006","send: 1006"]'],
    ),
    *(
        script(
            f"W22-{code}",
            f"A close code of {code} is refused",
            [ECHO, closing(code), CloseCode()],
            [OPEN, b"close 1002"],
            tier="B",
        )
        for code in (1005, 999, 5000)
    ),
    script(
        "W23",
        "Text that is not UTF-8 is refused",
        [ECHO, Frame(1, b"\xff"), CloseCode()],
        [OPEN, b"close 1007"],
        tier="B",
    ),
    script(
        "W24",
        "A frame without a mask is refused",
        [ECHO, Frame(1, b"x", masked=False), CloseCode()],
        [OPEN, b"close 1002"],
        tier="B",
    ),
    script(
        "W25",
        "A reserved bit is refused",
        [ECHO, Frame(1, b"x", reserved=4), CloseCode()],
        [OPEN, b"close 1002"],
        tier="B",
    ),
    script(
        "W25-opcode",
        "An unknown opcode is refused",
        [ECHO, Frame(3, b"x"), CloseCode()],
        [OPEN, b"close 1002"],
        tier="B",
    ),
    script(
        "W25-ping",
        "A ping that is too long is refused",
        [ECHO, ping(b"x" * 126), CloseCode()],
        [OPEN, b"close 1002"],
        tier="B",
    ),
    script(
        "W25-continuation",
        "A continuation of nothing is refused",
        [ECHO, Frame(0, b"x"), CloseCode()],
        [OPEN, b"close 1002"],
        tier="B",
    ),
    script(
        "W26",
        "Fragments make one message, with a ping between them",
        [ECHO, Frame(1, b"one ", final=False), ping(b"?"), Frame(0, b"two"), Pong(), Message()],
        [OPEN, b"pong ?", b"text one two"],
    ),
    script(
        "W27",
        "A close with half a code is refused",
        [ECHO, Frame(8, b"\x03"), CloseCode()],
        [OPEN, b"close 1002"],
        tier="B",
    ),
    script(
        "W28",
        "A message that is too big closes with 1009",
        [ECHO, text("x" * 6000), CloseCode()],
        [OPEN, b"close 1009"],
    ),
    script(
        "W29",
        "Compression is not agreed on unasked",
        [Upgrade("/ws/echo", ((b"sec-websocket-extensions", b"permessage-deflate"),)), Extensions()],
        [OPEN, b"extensions: none"],
        tier="B",
    ),
    script("W31", "A ping is answered", [ECHO, ping(b"hi"), Pong()], [OPEN, b"pong hi"]),
    script(
        "W33",
        "A message of the wrong kind closes with 1003",
        [Upgrade("/ws/text-only"), binary(b"x"), CloseCode()],
        [OPEN, b"close 1003"],
    ),
    script(
        "W33-json", "JSON is parsed", [Upgrade("/ws/json"), text('{"a":1}'), Message()], [OPEN, b'text {"got":{"a":1}}']
    ),
    script(
        "W33-broken",
        "A message that should be JSON and is not closes with 1007",
        [Upgrade("/ws/json"), text("{"), CloseCode()],
        [OPEN, b"close 1007"],
    ),
    script(
        "W37",
        "A second receiver is refused",
        [Upgrade("/ws/receivers"), Message(), text("first"), Message()],
        [OPEN, b"text refused", b"text first"],
    ),
    script(
        "W40",
        "Empty messages are messages",
        [ECHO, text(""), Message(), binary(b""), Message()],
        [OPEN, b"text ", b"binary "],
    ),
    script(
        "W42",
        "Everything that was sent before the close arrives",
        [Upgrade("/ws/flood?count=3"), Message(), Message(), Message(), CloseCode()],
        [OPEN, b"text 0", b"text 1", b"text 2", b"close 1000"],
    ),
)
