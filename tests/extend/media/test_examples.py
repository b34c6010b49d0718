"""The playlists of RFC 8216, section 8, are read as what they are, break no rule, and are written as they were read."""

import pytest

from hagworm.extend.media import M3U8, ByteRange, DateRange, Key, Rendition, SessionData, Variant, read_playlist
from hagworm.extend.media.attributes import parse_date

SIMPLE = """\
#EXTM3U
#EXT-X-TARGETDURATION:10
#EXT-X-VERSION:3
#EXTINF:9.009,
http://media.example.com/first.ts
#EXTINF:9.009,
http://media.example.com/second.ts
#EXTINF:3.003,
http://media.example.com/third.ts
#EXT-X-ENDLIST
"""

LIVE = """\
#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:8
#EXT-X-MEDIA-SEQUENCE:2680

#EXTINF:7.975,
https://priv.example.com/fileSequence2680.ts
#EXTINF:7.941,
https://priv.example.com/fileSequence2681.ts
#EXTINF:7.975,
https://priv.example.com/fileSequence2682.ts
"""

ENCRYPTED = """\
#EXTM3U
#EXT-X-VERSION:3
#EXT-X-MEDIA-SEQUENCE:7794
#EXT-X-TARGETDURATION:15

#EXT-X-KEY:METHOD=AES-128,URI="https://priv.example.com/key.php?r=52"

#EXTINF:2.833,
http://media.example.com/fileSequence52-A.ts
#EXTINF:15.0,
http://media.example.com/fileSequence52-B.ts
#EXTINF:13.333,
http://media.example.com/fileSequence52-C.ts

#EXT-X-KEY:METHOD=AES-128,URI="https://priv.example.com/key.php?r=53"

#EXTINF:15.0,
http://media.example.com/fileSequence53-A.ts
"""

MASTER = """\
#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=1280000,AVERAGE-BANDWIDTH=1000000
http://example.com/low.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2560000,AVERAGE-BANDWIDTH=2000000
http://example.com/mid.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=7680000,AVERAGE-BANDWIDTH=6000000
http://example.com/hi.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=65000,CODECS="mp4a.40.5"
http://example.com/audio-only.m3u8
"""

IFRAMES = """\
#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=1280000
low/audio-video.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=86000,URI="low/iframe.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=2560000
mid/audio-video.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=150000,URI="mid/iframe.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=65000,CODECS="mp4a.40.5"
audio-only.m3u8
"""

ALTERNATIVE_AUDIO = """\
#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac",NAME="English",DEFAULT=YES,AUTOSELECT=YES,LANGUAGE="en",URI="main/en.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac",NAME="Deutsch",DEFAULT=NO,AUTOSELECT=YES,LANGUAGE="de",URI="main/de.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac",NAME="Commentary",DEFAULT=NO,AUTOSELECT=NO,LANGUAGE="en",URI="comment/en.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1280000,CODECS="avc1.4d401e,mp4a.40.5",AUDIO="aac"
low/video-only.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=65000,CODECS="mp4a.40.5",AUDIO="aac"
main/english-audio.m3u8
"""

ALTERNATIVE_VIDEO = """\
#EXTM3U
#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID="low",NAME="Main",DEFAULT=YES,URI="low/main/audio-video.m3u8"
#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID="low",NAME="Dugout",DEFAULT=NO,URI="low/dugout/audio-video.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1280000,CODECS="avc1.4d401e,mp4a.40.5",VIDEO="low"
low/main/audio-video.m3u8
"""

SESSION = """\
#EXTM3U
#EXT-X-SESSION-DATA:DATA-ID="com.example.lyrics",URI="lyrics.json"
#EXT-X-SESSION-DATA:DATA-ID="com.example.title",LANGUAGE="en",VALUE="This is an example"
#EXT-X-SESSION-DATA:DATA-ID="com.example.title",LANGUAGE="es",VALUE="Este es un ejemplo"
#EXT-X-STREAM-INF:BANDWIDTH=1280000
low.m3u8
"""

CHARACTERISTICS = """\
#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="Described",LANGUAGE="en",CHARACTERISTICS="public.accessibility.describes-video"
#EXT-X-STREAM-INF:BANDWIDTH=1280000,AUDIO="a",RESOLUTION=1280x720,FRAME-RATE=29.97,HDCP-LEVEL=NONE,CLOSED-CAPTIONS=NONE
low.m3u8
"""

ADVERTS = """\
#EXTM3U
#EXT-X-TARGETDURATION:60
#EXT-X-VERSION:3
#EXT-X-PROGRAM-DATE-TIME:2014-03-05T11:14:00Z
#EXT-X-DATERANGE:ID="splice-6FFFFFF0",START-DATE="2014-03-05T11:15:00Z",PLANNED-DURATION=59.993,SCTE35-OUT=0xFC002F0000
#EXTINF:59.5,
before.ts
#EXT-X-DATERANGE:ID="splice-6FFFFFF0",DURATION=59.993,START-DATE="2014-03-05T11:15:00Z",SCTE35-IN=0xFC002A0000
#EXTINF:59.5,
advert.ts
"""

EXAMPLES = {
    "8.1 simple": SIMPLE,
    "8.2 live": LIVE,
    "8.3 encrypted": ENCRYPTED,
    "8.4 master": MASTER,
    "8.5 I-frames": IFRAMES,
    "8.6 audio": ALTERNATIVE_AUDIO,
    "8.7 video": ALTERNATIVE_VIDEO,
    "8.8 session": SESSION,
    "8.9 characteristics": CHARACTERISTICS,
    "8.10 date ranges": ADVERTS,
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_breaks_no_rule_and_is_the_same_when_it_was_written(name: str) -> None:
    example = M3U8(EXAMPLES[name])

    assert example.check() == ()
    assert M3U8(example.write()) == example
    assert M3U8(EXAMPLES[name].replace("\n", "\r\n").encode()) == example
    assert M3U8(EXAMPLES[name], lenient=True).problems == ()


def test_simple() -> None:
    example = M3U8(SIMPLE)

    assert [segment.uri[-9:] for segment in example.segments] == ["/first.ts", "second.ts", "/third.ts"]
    assert example.duration == pytest.approx(21.021)
    assert example.media.target_duration == 10
    assert example.media.ended
    assert (example.media.version, example.version_needed) == (3, 3)
    assert repr(example) == "<M3U8 media, 3 segments, 21.021 s>"


def test_live() -> None:
    example = M3U8(LIVE)

    assert [number for _, number, _, _ in example.media.timeline()] == [2680, 2681, 2682]
    assert not example.media.ended
    assert repr(example) == "<M3U8 media, 3 segments, 23.891 s, open>"


def test_encrypted() -> None:
    keys = [segment.keys for segment in M3U8(ENCRYPTED).segments]

    assert keys[0] == (Key("AES-128", "https://priv.example.com/key.php?r=52"),)
    assert keys[0] == keys[1] == keys[2]
    assert keys[3] == (Key("AES-128", "https://priv.example.com/key.php?r=53"),)


def test_master() -> None:
    example = M3U8(MASTER)

    assert example.is_master
    assert example.variants[0] == Variant("http://example.com/low.m3u8", 1_280_000, 1_000_000)
    assert example.variants[3] == Variant("http://example.com/audio-only.m3u8", 65_000, codecs="mp4a.40.5")
    assert repr(example) == "<M3U8 master, 4 variants, 0 renditions>"
    assert len(example) == 4


def test_iframes() -> None:
    example = M3U8(IFRAMES)

    assert example.master.iframes == (Variant("low/iframe.m3u8", 86_000), Variant("mid/iframe.m3u8", 150_000))
    assert len(example.variants) == 3


def test_renditions_and_session_data() -> None:
    assert M3U8(ALTERNATIVE_AUDIO).master.renditions[1] == Rendition(
        "AUDIO", "aac", "Deutsch", "main/de.m3u8", language="de", default=False, autoselect=True
    )
    assert M3U8(SESSION).master.session_data[2] == SessionData("com.example.title", "Este es un ejemplo", language="es")


def test_all_attributes_of_a_variant() -> None:
    assert M3U8(CHARACTERISTICS).variants[0] == Variant(
        "low.m3u8",
        1_280_000,
        resolution=(1280, 720),
        frame_rate=29.97,
        hdcp_level="NONE",
        audio="a",
        closed_captions="NONE",
    )


def test_date_ranges() -> None:
    playlist, _ = read_playlist(ADVERTS)
    start = parse_date("2014-03-05T11:15:00Z")

    assert M3U8.of(playlist).media.date_ranges == (
        DateRange("splice-6FFFFFF0", start, planned_duration=59.993, scte35_out="0xFC002F0000"),
        DateRange("splice-6FFFFFF0", start, duration=59.993, scte35_in="0xFC002A0000"),
    )


def test_parts_of_a_resource_follow_each_other() -> None:
    """RFC 8216 4.3.2.2: without an offset, a part begins where the one before it ends."""
    example = M3U8(
        "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:4\n#EXT-X-I-FRAMES-ONLY\n"
        '#EXT-X-MAP:URI="all.mp4",BYTERANGE="718@0"\n'
        "#EXTINF:4,\n#EXT-X-BYTERANGE:1000@718\nall.mp4\n#EXTINF:4,\n#EXT-X-BYTERANGE:500\nall.mp4\n"
    )

    assert [segment.byterange for segment in example.segments] == [ByteRange(1000, 718), ByteRange(500, 1718)]
    assert example.segments[1].map is example.segments[0].map
    assert example.segments[0].map is not None
    assert example.segments[0].map.byterange == ByteRange(718, 0)
    assert example.version_needed == 5
