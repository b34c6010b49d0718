"""Every rule that a playlist breaks is named, and the version that it needs is known."""

import pytest

from hagworm.extend.media import M3U8

MEDIA = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:10\n"
MASTER = "#EXTM3U\n#EXT-X-VERSION:7\n"
DATED = MEDIA + "#EXT-X-PROGRAM-DATE-TIME:2024-01-01T00:00:00Z\n#EXTINF:1,\na\n"
RANGE = '#EXT-X-DATERANGE:ID="a",START-DATE="2024-01-01T00:00:10Z"'
AUDIO = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="n"'

BROKEN = {
    "too long": (MEDIA + "#EXTINF:10.5,\na\n", "segment 0 (a): 10.5 s are more than the target duration of 10 s"),
    "version": ("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1.5,\na\n", "version 3 is needed, and version 1 is"),
    "version 0": (MEDIA.replace("7", "0"), "a version is at least 1, not 0"),
    "method": (MEDIA + '#EXT-X-KEY:METHOD=ROT13,URI="k"\n#EXTINF:1,\na\n', "METHOD is one of NONE, AES-128"),
    "map": (
        MEDIA + '#EXT-X-KEY:METHOD=AES-128,URI="k"\n#EXT-X-MAP:URI="m"\n#EXTINF:1,\na\n',
        "an encrypted EXT-X-MAP needs a key with IV",
    ),
    "start": (MEDIA + "#EXT-X-START:TIME-OFFSET=-5\n#EXTINF:1,\na\n#EXT-X-ENDLIST\n", "-5 s are outside of 1 s"),
    "date range without date": (MEDIA + RANGE + "\n", "needs an EXT-X-PROGRAM-DATE-TIME"),
    "date range backwards": (DATED + RANGE + ',END-DATE="2024-01-01T00:00:00Z"\n', "ends before it begins"),
    "date range and duration": (
        DATED + RANGE + ',DURATION=5,END-DATE="2024-01-01T00:00:20Z"\n',
        "END-DATE is not START-DATE plus DURATION",
    ),
    "end on next": (DATED + RANGE + ",END-ON-NEXT=YES\n", "END-ON-NEXT goes with CLASS"),
    "not end on next": (DATED + RANGE + ",END-ON-NEXT=NO\n", "END-ON-NEXT is YES or not there"),
    "own attribute": (DATED + RANGE + ",OWN=1\n", "begins with X-, unlike OWN"),
    "contradiction": (DATED + RANGE + ",DURATION=5\n" + RANGE + ",DURATION=6\n", "contradict each other"),
    "contradiction of one's own": (DATED + RANGE + ",X-A=5\n" + RANGE + ",X-A=6\n", "contradict each other"),
    "no group": (MASTER + '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="g"\na\n', "no EXT-X-MEDIA of TYPE=AUDIO"),
    "wrong group": (
        MASTER + AUDIO + '\n#EXT-X-STREAM-INF:BANDWIDTH=1,SUBTITLES="g"\na\n',
        "no EXT-X-MEDIA of TYPE=SUBTITLES in the group 'g'",
    ),
    "captions": (
        MASTER + "#EXT-X-STREAM-INF:BANDWIDTH=1,CLOSED-CAPTIONS=NONE\na\n#EXT-X-STREAM-INF:BANDWIDTH=1\nb\n",
        "NONE for all variants or for none",
    ),
    "I-frames": (MASTER + '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="a",FRAME-RATE=5\n', "do not go with it"),
    "type": (MASTER + '#EXT-X-MEDIA:TYPE=SMELL,GROUP-ID="g",NAME="n"\n', "TYPE is one of AUDIO"),
    "captions with address": (
        MASTER + '#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="g",NAME="n",URI="a",INSTREAM-ID="CC1"\n',
        "CLOSED-CAPTIONS have no URI",
    ),
    "captions without stream": (
        MASTER + '#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="g",NAME="n"\n',
        "need an INSTREAM-ID",
    ),
    "stream": (
        MASTER + '#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="g",NAME="n",INSTREAM-ID="CC5"\n',
        "CC1 to CC4 or SERVICE1 to SERVICE63",
    ),
    "stream of audio": (MASTER + AUDIO + ',INSTREAM-ID="CC1"\n', "goes with CLOSED-CAPTIONS only"),
    "subtitles": (MASTER + '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="g",NAME="n"\n', "SUBTITLES need a URI"),
    "forced": (MASTER + AUDIO + ",FORCED=YES\n", "FORCED goes with SUBTITLES only"),
    "default": (MASTER + AUDIO + ",DEFAULT=YES,AUTOSELECT=NO\n", "AUTOSELECT is YES where DEFAULT is"),
    "names": (MASTER + (AUDIO + "\n") * 2, "two renditions have the same NAME"),
    "defaults": (
        MASTER + AUDIO + ",DEFAULT=YES\n" + AUDIO.replace('"n"', '"m"') + ",DEFAULT=YES\n",
        "more than one rendition has DEFAULT=YES",
    ),
    "session data": (MASTER + '#EXT-X-SESSION-DATA:DATA-ID="a"\n', "either VALUE or URI"),
    "session data twice": (
        MASTER + '#EXT-X-SESSION-DATA:DATA-ID="a",VALUE="b"\n' * 2,
        "the same DATA-ID and LANGUAGE twice",
    ),
    "session key": (MASTER + "#EXT-X-SESSION-KEY:METHOD=NONE\n", "METHOD is not NONE"),
    "session key without address": (MASTER + "#EXT-X-SESSION-KEY:METHOD=AES-128\n", "METHOD=AES-128 needs a URI"),
    "session key twice": (
        MASTER + '#EXT-X-SESSION-KEY:METHOD=AES-128,URI="k"\n' * 2,
        "the same key twice, k",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_rule_that_is_broken_is_named(name: str) -> None:
    text, why = BROKEN[name]
    broken = M3U8(text).check()

    assert [why in rule for rule in broken] == [True], broken


VERSIONS = {
    1: "#EXTINF:1,\na\n",
    2: '#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0x1\n#EXTINF:1,\na\n',
    3: "#EXTINF:1.5,\na\n",
    4: "#EXTINF:1,\n#EXT-X-BYTERANGE:1@0\na\n",
    5: '#EXT-X-KEY:METHOD=AES-128,URI="k",KEYFORMAT="identity"\n#EXTINF:1,\na\n',
    6: '#EXT-X-MAP:URI="m"\n#EXTINF:1,\na\n',
}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_version_that_is_needed(version: int) -> None:
    assert M3U8(f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n{VERSIONS[version]}").version_needed == version


def test_the_version_that_a_master_playlist_needs() -> None:
    captions = '#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="g",NAME="n",INSTREAM-ID='

    assert M3U8(f'#EXTM3U\n{captions}"CC1"\n').version_needed == 1
    assert M3U8(f'#EXTM3U\n{captions}"SERVICE1"\n').version_needed == 7
    assert M3U8('#EXTM3U\n#EXT-X-SESSION-KEY:METHOD=AES-128,URI="k",IV=0x1\n').version_needed == 2
    assert M3U8("#EXTM3U\n#EXT-X-I-FRAMES-ONLY\n#EXT-X-TARGETDURATION:1\n").version_needed == 4
