"""One file over HTTP: what has arrived is kept and continued, and the whole is compared with what it must be.

`requests` does the talking, proxies and certificates as its documentation has them. The part that is here already
is continued only where the server says that its file is still the same one (``If-Range``), or the hash is known.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bench.codec.atomic_write import write_atomically
from bench.fetching.disk import require_room
from bench.fetching.errors import FetchFailed
from bench.fetching.sources import Download

if TYPE_CHECKING:
    from requests import Response

CHUNK = 1 << 16
"""Bytes that are written at once; as many may be lost when a connection breaks."""

ALWAYS_ALLOWED = 1 << 30
"""A file may be twice as large as expected, and so many bytes more."""

GONE = (404, 410)
PASSING = (408, 425, 429, 500, 502, 503, 504)
OFFLINE = "where there is no internet, download it elsewhere and pass the file with --source"


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for.

    Args:
        connect: seconds until a connection must stand.
        read: seconds until the next bytes must come.
        waits: seconds before each new attempt; attempts that got on start the list anew.
    """

    connect: float = 20.0
    read: float = 60.0
    waits: Sequence[float] = (1, 2, 5, 15, 30)


PATIENCE = Patience()


class _Missing(Exception):
    """The server has no such file."""


class _Interrupted(Exception):
    """The connection broke, or the server asks to come back later."""


def download(item: Download, folder: Path, patience: Patience = PATIENCE) -> Path:
    """The file, whole, in ``folder``. Continues what an earlier call left. Its hash is not looked at here.

    Raises:
        FetchFailed: the server cannot be reached, has no such file, refuses it, or breaks off again and again.
        DiskFull: the server's file does not fit.
    """
    target = folder / item.name
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    for url in filter(None, (item.url, item.instead)):
        with suppress(_Missing):
            _whole(url, item, folder, patience)
            (folder / f"{item.name}.part").replace(target)
            (folder / f"{item.name}.part.json").unlink(missing_ok=True)
            return target
    tried = " nor at ".join(filter(None, (item.url, item.instead)))
    raise FetchFailed(
        f"the server has no file at {tried}", "look at the project's page; pass what you find with --source"
    )


def _whole(url: str, item: Download, folder: Path, patience: Patience) -> None:
    """Attempts until the part is the whole."""
    waits = list(patience.waits)
    part = folder / f"{item.name}.part"
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _attempt(url, item, part, patience)
            return
        except _Interrupted as error:
            if part.exists() and part.stat().st_size > before:
                waits = list(patience.waits)
            if not waits:
                raise FetchFailed(
                    f"{url}: {error}", f"type the command again, it goes on from there; {OFFLINE}"
                ) from None
            pause = waits.pop(0)
            print(f"{item.name}: {error}; once more in {pause:g} s", file=sys.stderr)
            time.sleep(pause)


def _attempt(url: str, item: Download, part: Path, patience: Patience) -> None:
    import requests

    headers = {"Accept-Encoding": "identity", "User-Agent": "necgs-bench", **_continuing(url, item, part)}
    try:
        with requests.get(url, headers=headers, stream=True, timeout=(patience.connect, patience.read)) as response:
            _receive(response, url, item, part)
    except requests.exceptions.SSLError as error:
        raise FetchFailed(f"{urlsplit(url).netloc} has no valid certificate: {error}", OFFLINE) from None
    except (requests.exceptions.ProxyError, requests.exceptions.ConnectTimeout) as error:
        raise _Interrupted(_cannot_reach(url, error)) from None
    except requests.exceptions.ConnectionError as error:
        raise _Interrupted(_cannot_reach(url, error)) from None
    except (requests.exceptions.ChunkedEncodingError, requests.exceptions.Timeout) as error:
        raise _Interrupted(f"the connection broke ({type(error).__name__})") from None
    except requests.exceptions.RequestException as error:
        raise FetchFailed(f"{url}: {error}", OFFLINE) from None


def _cannot_reach(url: str, error: Exception) -> str:
    return f"{urlsplit(url).netloc} cannot be reached, or broke off ({type(error).__name__})"


def _continuing(url: str, item: Download, part: Path) -> dict[str, str]:
    """Headers that ask for the rest of what is there; none where nothing is, or nothing says that it still fits."""
    have = part.stat().st_size if part.exists() else 0
    try:
        notes = json.loads(part.with_name(f"{part.name}.json").read_text())
    except (OSError, ValueError):
        notes = {}
    if not have or not isinstance(notes, dict) or notes.get("url") != url:
        return {}
    same = notes.get("validator")
    if isinstance(same, str) and same:
        return {"Range": f"bytes={have}-", "If-Range": same}
    return {"Range": f"bytes={have}-"} if item.pinned else {}


def _receive(response: Response, url: str, item: Download, part: Path) -> None:
    """Write the body behind what is there already, or anew where the server sends all of it."""
    from tqdm import tqdm

    code = response.status_code
    if code in GONE:
        raise _Missing
    if code in PASSING:
        raise _Interrupted(f"the server answers {code} {response.reason}")
    have = part.stat().st_size if code == 206 and part.exists() else 0
    if code == 416 or (code == 206 and not _begins_at(response.headers, have)):
        part.unlink(missing_ok=True)
        raise _Interrupted("the server's file has another length than what is here; starting anew")
    if code not in (200, 206):
        raise FetchFailed(f"{url}: the server answers {code} {response.reason}", OFFLINE)
    rest = int(response.headers.get("Content-Length") or 0)
    most = 2 * item.size + ALWAYS_ALLOWED
    if have + rest > most:
        raise FetchFailed(
            f"{url}: {have + rest:,} bytes, some {item.size:,} were expected", "get it by hand, use --source"
        )
    require_room(part.parent, rest)
    if not have:
        notes = {"url": url, "validator": _validator(response.headers)}
        write_atomically(part.with_name(f"{part.name}.json"), json.dumps(notes), durable=False)
    bar = tqdm(total=have + rest or None, initial=have, unit="B", unit_scale=True, desc=item.name, disable=None)
    with bar, part.open("ab" if have else "wb") as file:
        for chunk in response.iter_content(CHUNK):
            file.write(chunk)
            bar.update(len(chunk))
            if file.tell() > most:
                raise FetchFailed(f"{url}: more than {most:,} bytes, some {item.size:,} were expected")
    if rest and part.stat().st_size != have + rest:
        raise _Interrupted("the connection broke")


def _begins_at(headers: Mapping[str, Any], start: int) -> bool:
    return str(headers.get("Content-Range", "")).startswith(f"bytes {start}-")


def _validator(headers: Mapping[str, Any]) -> str:
    """What names this version of the file to the server; weak tags do not serve here."""
    tag = str(headers.get("ETag", ""))
    return tag if tag.startswith('"') else str(headers.get("Last-Modified", ""))
