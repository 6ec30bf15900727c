"""The zip of a bundle: written with the same bytes whenever the files are the same, read with distrust."""

import hashlib
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from vqa.results.bundle import crate
from vqa.results.bundle.crate import Entry
from vqa.system.errors import UserError
from vqa.system.files import reaching

Member = tuple[str, Path | bytes]  # name, and a file or its content
_EPOCH = (1980, 1, 1, 0, 0, 0)
_STORED = (".h5", ".pt", ".png", ".pdf", ".mat")  # as they are: they hardly shrink
_CHUNK = 1 << 20
_ZIP64 = 1 << 31
_METADATA_BYTES = 1 << 28
_PACKED_BYTES = 1 << 33  # all that is compressed, unpacked
_RATIO = 200  # of a compressed file; tables of repeated values reach some 30
_LONGEST, _LONGEST_PART = 1000, 255
_FREE = 1 << 20  # smaller files may have any


class Writer:
    """entries: of what was added."""

    def __init__(self, zipped: zipfile.ZipFile):
        self._zip = zipped
        self.entries: dict[str, Entry] = {}

    def add(self, name: str, source: Path | bytes) -> None:
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        info = zipfile.ZipInfo(name, _EPOCH)
        info.create_system, info.external_attr = 3, (stat.S_IFREG | 0o644) << 16
        info.compress_type = zipfile.ZIP_STORED if name.endswith(_STORED) else zipfile.ZIP_DEFLATED
        hasher, written = hashlib.sha256(), 0
        with self._zip.open(info, "w", force_zip64=size >= _ZIP64) as file:
            for chunk in _chunks(source):
                hasher.update(chunk)
                written += len(chunk)
                file.write(chunk)
        self.entries[name] = Entry(written, hasher.hexdigest())


def _chunks(source: Path | bytes) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with reaching(source), open(source, "rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def write(path: Path, members: Iterable[Member], about: crate.About) -> dict[str, Entry]:
    """The zip at `path`, its metadata last; returns what it holds beside them."""
    with zipfile.ZipFile(path, "w") as zipped:
        writer = Writer(zipped)
        for name, source in sorted(members, key=lambda member: member[0]):
            writer.add(name, source)
        entries = dict(writer.entries)
        writer.add(crate.NAME, crate.metadata(about, entries).encode())
    return entries


class Bundle:
    """An open bundle whose list of files holds; the content of each is checked as it is read."""

    def __init__(self, path: Path, zipped: zipfile.ZipFile):
        """Raises `UserError` for a list that no bundle has."""
        self._path, self._zip = path, zipped
        self._infos = {info.filename: info for info in _listed(path, zipped)}
        if crate.NAME not in self._infos:
            raise UserError(f"{path}: has no {crate.NAME}, it is no bundle; `vqa bundle` writes one")
        if self._infos[crate.NAME].file_size > _METADATA_BYTES:
            raise UserError(f"{path}: {crate.NAME} claims {self._infos[crate.NAME].file_size} bytes; refused")
        self.entries = crate.read(b"".join(self._stream(crate.NAME)), str(path))
        self._compare()

    def _compare(self) -> None:
        there = self._infos.keys() - {crate.NAME}
        for name in sorted(self.entries.keys() - there):
            raise UserError(f"{self._path}: {name} is missing; get the bundle again from where it is published")
        for name in sorted(there - self.entries.keys()):
            raise UserError(f"{self._path}: {name} was added, no list of the bundle names it; refused")
        for name, entry in sorted(self.entries.items()):
            if entry.size != self._infos[name].file_size:
                raise UserError(f"{self._path}: {name} was changed, it is not as long as the bundle says; refused")

    def stream(self, name: str) -> Iterator[bytes]:
        """A file in pieces; raises `UserError` at its end where it is not what the bundle says."""
        hasher = hashlib.sha256()
        for chunk in self._stream(name):
            hasher.update(chunk)
            yield chunk
        if hasher.hexdigest() != self.entries[name].sha256:
            raise UserError(f"{self._path}: {name} was changed, its SHA-256 is not what the bundle says; refused")

    def read(self, name: str) -> bytes:
        if name not in self.entries:
            raise UserError(f"{self._path}: has no {name}, it is no bundle of a study; `vqa bundle` writes one")
        return b"".join(self.stream(name))

    def _stream(self, name: str) -> Iterator[bytes]:
        info, got = self._infos[name], 0
        try:
            with self._zip.open(info) as file:
                while chunk := file.read(_CHUNK):
                    got += len(chunk)
                    if got > info.file_size:
                        raise zipfile.BadZipFile
                    yield chunk
        except (zipfile.BadZipFile, EOFError, ValueError, zlib.error):
            raise UserError(f"{self._path}: {name} was changed, or the file is damaged; get it again") from None

    def write(self, name: str, file: IO[bytes]) -> None:
        for chunk in self.stream(name):
            file.write(chunk)


@contextmanager
def opened(path: Path) -> Iterator[Bundle]:
    """The bundle at `path`; raises `UserError` where it is none, or may not be trusted."""
    try:
        with reaching(path):
            zipped = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; give a bundle that `vqa bundle` wrote") from None
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        raise UserError(f"{path}: is no zip file, or is cut off; give a bundle that `vqa bundle` wrote") from None
    with zipped:
        yield Bundle(path, zipped)


def _listed(path: Path, zipped: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The members, none of which can do harm."""
    infos = zipped.infolist()
    seen: set[str] = set()
    for info in infos:
        if problem := _problem(info):
            raise UserError(f"{path}: {info.filename!r} {problem}; refused")
        if info.filename.lower() in seen:
            raise UserError(f"{path}: {info.filename} stands twice; refused")
        seen.add(info.filename.lower())
    for info in infos:
        if above := next((str(each) for each in PurePosixPath(info.filename).parents if str(each).lower() in seen), ""):
            raise UserError(f"{path}: {above} is a file and a folder; refused")
    if sum(info.compress_size for info in infos) > path.stat().st_size:
        raise UserError(f"{path}: its files overlap, as in a zip bomb; refused")
    packed = sum(info.file_size for info in infos if info.compress_type != zipfile.ZIP_STORED)
    if packed > _PACKED_BYTES:
        raise UserError(f"{path}: would unpack to {packed / 1e9:.0f} GB, as a zip bomb does; refused")
    return infos


def _problem(info: zipfile.ZipInfo) -> str:
    """Why a member is none of a bundle; empty if it may be."""
    name, kind = info.orig_filename, stat.S_IFMT(info.external_attr >> 16)
    if name != PurePosixPath(name).as_posix() or ".." in PurePosixPath(name).parts or not name.isprintable():
        return "is no plain path below the archive"
    if name.startswith(("/", "~")) or "\\" in name or ":" in name or name in ("", "."):
        return "is no plain path below the archive"
    if len(name) > _LONGEST or max(len(part.encode()) for part in PurePosixPath(name).parts) > _LONGEST_PART:
        return "is longer than file names may be"
    if kind not in (0, stat.S_IFREG):
        return "is a link or another special file"
    if info.flag_bits & 0x1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is encrypted or packed in another way than bundles are"
    if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
        return "is not as long as it claims"
    if info.file_size > max(_FREE, _RATIO * info.compress_size):
        return f"would unpack to {info.file_size / 1e6:.0f} MB, as a zip bomb does"
    return ""
