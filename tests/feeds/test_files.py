"""Files of reports as feeders have them: pipes, gzip, byte order marks, odd line ends, and what is no NDJSON."""

from __future__ import annotations

import gzip
import io
import os
import tempfile
import threading
from pathlib import Path

import pytest
from histories import encode, make_report
from hypothesis import given
from hypothesis import strategies as st

from streams.core.errors import ConfigurationError
from streams.feeds.files import Line, ReportFile, open_file
from streams.feeds.shapes import wrong_first_line

RAWS = [encode(make_report(id=f"r{number}")) for number in range(50)]
CONTENT = b"".join(raw + b"\n" for raw in RAWS)


def written(folder: Path, content: bytes, name: str = "r.ndjson") -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


def test_a_gzip_file_reads_like_the_file_in_it_and_lines_can_be_read_again(tmp_path: Path) -> None:
    name = written(tmp_path, gzip.compress(CONTENT[:4000]) + gzip.compress(CONTENT[4000:]), "r.ndjson.gz")
    file = open_file(name, keep=True)
    lines = list(file.lines())
    assert [line.raw for line in lines] == RAWS
    assert [file.read(line.start) for line in reversed(lines)] == RAWS[::-1]
    assert file.position == file.size
    file.close()


def test_a_named_pipe_is_read_as_it_comes_and_lines_can_be_read_again(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(CONTENT,))
    writer.start()
    file = open_file(str(tmp_path / "pipe"), keep=True)
    lines = []
    for line in file.lines():
        lines.append(line)
        assert file.read(lines[0].start) == RAWS[0]
    writer.join()
    assert [line.raw for line in lines] == RAWS
    file.close()


@pytest.mark.parametrize(
    "content",
    [
        CONTENT,
        CONTENT[:-1],
        CONTENT.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + CONTENT,
        CONTENT.replace(b"\n", b"\n \n"),
    ],
    ids=["plain", "no final newline", "CRLF", "BOM", "blank lines"],
)
def test_odd_line_ends_and_marks_change_nothing(content: bytes, tmp_path: Path) -> None:
    file = open_file(written(tmp_path, content), keep=True)
    lines = list(file.lines())
    assert [line.raw for line in lines] == RAWS
    assert [file.read(line.start) for line in lines] == RAWS
    file.close()


@given(st.lists(st.sampled_from([b"", b" ", b'{"a":1}', b"x" * 70, b"\r"]), max_size=12), st.data())
def test_reading_on_from_the_end_of_any_line_gives_exactly_the_rest(parts: list[bytes], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        name = written(Path(folder), b"\n".join(parts))
        whole = open_file(name)
        lines = list(whole.lines())
        whole.close()
        if lines:
            number = data.draw(st.integers(0, len(lines) - 1))
            rest = open_file(name)
            assert list(rest.lines(lines[number].end, lines[number].number)) == lines[number + 1 :]
            rest.close()


def test_a_line_without_end_is_cut_and_the_next_one_is_whole() -> None:
    file = ReportFile("memory", io.BytesIO(b"x" * 5_000_000 + b"\n" + RAWS[0]), None)
    first, second = file.lines()
    assert (len(first.raw), first.number) == (1024 * 1024, 1)
    assert (second.raw, second.number) == (RAWS[0], 2)


def test_a_gzip_bomb_costs_no_memory_of_its_size(tmp_path: Path) -> None:
    packed = gzip.compress(b"\0" * 50_000_000 + b"\n" + RAWS[0])
    file = open_file(written(tmp_path, packed, "bomb.gz"), keep=True)
    assert [len(line.raw) for line in file.lines()] == [1024 * 1024, len(RAWS[0])]
    file.close()


def test_a_gzip_file_cut_off_gives_its_lines_and_then_says_so(tmp_path: Path) -> None:
    file = open_file(
        written(tmp_path, gzip.compress(os.urandom(90_000).hex().encode() + b"\n" + CONTENT)[:-20], "r.gz")
    )
    lines: list[Line] = []
    with pytest.raises(ConfigurationError, match=r"r\.gz: the gzip data is damaged or cut off behind line"):
        lines.extend(file.lines())
    file.close()


def test_content_appended_keeps_the_fingerprint_and_a_change_does_not(tmp_path: Path) -> None:
    name = written(tmp_path, CONTENT)
    position = len(RAWS[0]) + 1
    file = open_file(name)
    before = file.fingerprint(position), file.fingerprint(len(CONTENT))
    with Path(name).open("ab") as more:
        more.write(b"more\n")
    assert (file.fingerprint(position), file.fingerprint(len(CONTENT))) == before
    Path(name).write_bytes(CONTENT.replace(b"r0", b"q0"))
    assert file.fingerprint(position) != before[0]
    file.close()


@pytest.mark.parametrize("line", [b'{"a": 1}', b"[1]", b"[[1]]", b"{,", b"half a line, or so", b'x", "title": "t"}'])
def test_a_single_bad_line_is_for_the_line_by_line_verdict(line: bytes) -> None:
    assert wrong_first_line(line) is None
