"""Delimited text files with a header: what they are encoded and delimited by, and their rows in blocks."""

import csv
import gzip
import hashlib
import io
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from eval.errors import TableError

DELIMITERS = (",", "\t", ";", "|")
BLANK = frozenset({"", "na", "n/a", "nan", "null", "none", "#n/a"})
LISTED = 10
HEAD_BYTES = 1 << 20
BLOCK_ROWS = 50_000
LONGEST_FIELD = 1 << 27
GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Delimited:
    """An opened file: its bytes, how to read them, and its header."""

    name: str
    content: bytes
    encoding: str
    delimiter: str
    header: list[str]

    def blocks(self) -> Iterator[tuple[int, list[list[str]]]]:
        """Rows in blocks, each with the number of its first row (the header is row 1, empty lines don't count).

        TableError for rows that aren't as wide as the header: their blanks would be a broken file, not missing scores.
        """
        text = io.TextIOWrapper(io.BytesIO(self.content), encoding=self.encoding, newline="")
        reader = csv.reader(text, delimiter=self.delimiter)
        width, start = len(self.header), 2
        try:
            next(reader)
            filled = (row for row in reader if row)
            while rows := list(islice(filled, BLOCK_ROWS)):
                wrong = [f"row {number}" for number, row in enumerate(rows, start) if len(row) != width]
                if wrong:
                    raise TableError(f"{self.name} does not have the header's {width} fields in {listed(wrong)}")
                yield start, rows
                start += len(rows)
        except csv.Error as error:
            raise TableError(f"{self.name} is no table delimited by {self.delimiter!r}: {error}") from None

    def require(self, names: Collection[str]) -> None:
        """TableError if a column is missing, or there more than once."""
        missing = [name for name in names if name not in self.header]
        if missing:
            what = "column" if len(missing) == 1 else "columns"
            has = listed(map(repr, self.header))
            raise TableError(f"{self.name} has no {what} {listed(map(repr, missing))}; it has {has}")
        twice = [name for name in names if self.header.count(name) > 1]
        if twice:
            raise TableError(f"{self.name} has more than one column {listed(map(repr, twice))}")

    def source(self) -> dict[str, object]:
        """What a report says about the file."""
        digest = hashlib.sha256(self.content).hexdigest()
        return {"file": self.name, "sha256": digest, "encoding": self.encoding, "delimiter": self.delimiter}


def open_delimited(path: Path, wanted: Collection[str] = ()) -> Delimited:
    """Open a file (comma, tab, semicolon or bar; UTF-8, else Latin-1; also gzipped) that should have these columns."""
    csv.field_size_limit(LONGEST_FIELD)
    content = _content(path)
    encoding = _encoding(content)
    head = content[:HEAD_BYTES].decode(encoding, errors="ignore")
    choices: list[tuple[bool, int, str, list[str]]] = []
    for delimiter in DELIMITERS:
        try:
            fields = [field.strip() for field in next(csv.reader(io.StringIO(head), delimiter=delimiter), [])]
        except csv.Error:
            continue
        choices.append((set(wanted) <= set(fields), len(fields), delimiter, fields))
    if not choices:
        raise TableError(f"{path.name} has no header row that can be read")
    _, _, delimiter, header = max(choices, key=lambda choice: choice[:2])
    return Delimited(path.name, content, encoding, delimiter, header)


def listed(items: Iterable[object]) -> str:
    """The first few, and how many more."""
    shown = [str(item) for item in items]
    more = len(shown) - LISTED
    return ", ".join(shown[:LISTED]) + (f" and {more:,} more" if more > 0 else "")


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise TableError(f"{path} is a folder; name a file")
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if content.startswith(GZIP) else content
    except FileNotFoundError:
        raise TableError(f"there is no file {path}") from None
    except (OSError, EOFError) as error:
        raise TableError(f"{path} can't be read: {getattr(error, 'strerror', None) or error}") from None
    if not content.strip():
        raise TableError(f"{path.name} is empty")
    if b"\0" in content[:HEAD_BYTES]:
        raise TableError(f"{path.name} is no text table; save it as CSV in UTF-8")
    return content


def _encoding(content: bytes) -> str:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig" if content.startswith(b"\xef\xbb\xbf") else "utf-8"
