"""Files over HTTP: the artifact proxy, downloads of runs and models, uploads in parts. Memory does not grow with size.

Each function carries out the row of `api/artifacts.TRANSFERS` that has its name.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from tidemill.api import codec, logged_models, model_versions, runs
from tidemill.api.artifacts import TRANSFERS
from tidemill.api.operation import Backend
from tidemill.artifacts.roots import Roots
from tidemill.artifacts.storage import Storage, Writer
from tidemill.artifacts.uri import safe_path
from tidemill.errors import BadRequest, InvalidParameter, NotFound, NotSupported, PayloadTooLarge
from tidemill.http.answers import send_json
from tidemill.http.body import Disconnected, read_body
from tidemill.http.request import Request, query_fields
from tidemill.server.download import send_file
from tidemill.server.routes import Route, RouteTable
from tidemill.types.artifacts import FileInfo
from tidemill.types.logged_models import GetLoggedModel
from tidemill.types.model_versions import GetDownloadUri
from tidemill.types.runs import GetRun

T = TypeVar("T")
Params = dict[str, str]

_PIECE = 1 << 20
_UPLOAD_LIMIT = 10 * 10**6
_JSON_LIMIT = 8 << 20
_MOST_PARTS = 10_000


class _Listing(msgspec.Struct, omit_defaults=True):
    files: list[FileInfo] = []


class _CreateParts(msgspec.Struct):
    path: str
    num_parts: int


class _Part(msgspec.Struct):
    part_number: int
    etag: str


class _CompleteParts(msgspec.Struct):
    path: str
    upload_id: str
    parts: list[_Part] = []


class Files:
    """The file routes of one server, on the storages of `roots`."""

    def __init__(self, backend: Backend, roots: Roots, prefix: str) -> None:
        self._backend = backend
        self._roots = roots
        self._prefix = prefix
        # Apart from the queries' threads: a slow storage must not keep searches waiting.
        self._pool = ThreadPoolExecutor(16, thread_name_prefix="tidemill-files")

    def add_to(self, routes: RouteTable) -> None:
        """Add every row of the table to the routes."""
        for row in TRANSFERS:
            page: Callable[[Request, Params], Awaitable[None]] = getattr(self, row.name)
            for verb, path in row.routes:
                routes.add(verb, self._prefix + path, Route(page=page))

    def close(self) -> None:
        """Wait for running transfers' threads."""
        self._pool.shutdown(wait=True)

    async def upload(self, request: Request, params: Params) -> None:
        """PUT of a file below the proxy's root."""
        size = request.declared_size or None
        writer = await self._run(lambda: self._roots.proxied.open_writer(params["path"], size))
        await self._receive(request, writer)
        await send_json(request.send, b"{}")

    async def download(self, request: Request, params: Params) -> None:
        """GET of a file below the proxy's root."""
        await send_file(request, self._roots.proxied, params["path"], self._pool)

    async def delete(self, request: Request, params: Params) -> None:
        """DELETE of a file or folder below the proxy's root."""
        await self._run(lambda: self._roots.proxied.delete(params["path"]))
        await send_json(request.send, b"{}")

    async def list_folder(self, request: Request, params: Params) -> None:
        """The files of a folder, by their base names."""
        path = _field(request, "path")
        found = await self._run(lambda: self._roots.proxied.list(path))
        files = [FileInfo(info.path.rpartition("/")[2], info.is_dir, info.file_size) for info in found]
        await send_json(request.send, msgspec.json.encode(_Listing(files)))

    async def create_parts(self, request: Request, params: Params) -> None:
        """Start an upload in parts; answers where to PUT each of them."""
        asked = await _body(request, _CreateParts)
        if not 1 <= asked.num_parts <= _MOST_PARTS:
            raise InvalidParameter(
                f"Invalid value {asked.num_parts} for parameter 'num_parts' supplied. It must be 1 to 10000."
            )
        path = _file_in(params["path"], asked.path)
        upload_id = await self._run(lambda: self._roots.proxied.multipart_create(path))
        base = f"{self._origin(request)}{self._prefix}/api/2.0/mlflow-artifacts/mpu/part/{quote(path)}"
        credentials = [
            {
                "url": f"{base}?{urlencode({'upload_id': upload_id, 'part_number': number})}",
                "part_number": number,
                "headers": {},
            }
            for number in range(1, asked.num_parts + 1)
        ]
        await send_json(request.send, msgspec.json.encode({"upload_id": upload_id, "credentials": credentials}))

    async def upload_part(self, request: Request, params: Params) -> None:
        """PUT of one part; its ETag goes into the completion."""
        upload_id, number = _field(request, "upload_id"), _field(request, "part_number")
        if not (number.isascii() and number.isdecimal()):
            raise InvalidParameter("Request must specify part_number, a whole number.")
        writer = await self._run(lambda: self._roots.proxied.multipart_part(params["path"], upload_id, int(number)))
        await self._receive(request, writer)
        await send_json(request.send, b"{}", more=((b"etag", writer.etag.encode("latin-1")),))

    async def complete_parts(self, request: Request, params: Params) -> None:
        """Put the parts together."""
        asked = await _body(request, _CompleteParts)
        parts = [(part.part_number, part.etag) for part in asked.parts]
        path = _file_in(params["path"], asked.path)
        await self._run(lambda: self._roots.proxied.multipart_complete(path, asked.upload_id, parts))
        await send_json(request.send, b"{}")

    async def abort_parts(self, request: Request, params: Params) -> None:
        """Throw the parts away."""
        asked = await _body(request, _CompleteParts)
        path = _file_in(params["path"], asked.path)
        await self._run(lambda: self._roots.proxied.multipart_abort(path, asked.upload_id))
        await send_json(request.send, b"{}")

    async def presign(self, request: Request, params: Params) -> None:
        """An address at which the storage itself gives the file."""
        path = params["path"]

        def sign() -> dict[str, Any]:
            storage = self._roots.proxied
            signed = storage.signed_url("GET", path, 900)
            if signed is None:
                raise NotSupported("Multipart download is not supported for the current artifact repository")
            info = storage.stat(path)
            if info is None or info.is_dir:
                raise NotFound(f"No such artifact: '{path}'")
            return {"url": signed.url, "headers": signed.headers, "file_size": info.file_size}

        await send_json(request.send, msgspec.json.encode(await self._run(sign)))

    async def run_file(self, request: Request, params: Params) -> None:
        """A file of a run."""
        run_id = _field(request, "run_id") or _field(request, "run_uuid")
        path = _field(request, "path")
        if not run_id:
            raise codec.missing("run_id")
        if not path:
            raise codec.missing("path")
        storage, inside = await self._run(lambda: self._place(self._run_uri(run_id), path))
        await send_file(request, storage, inside, self._pool, path, _field(request, "show") == "page")

    async def model_file(self, request: Request, params: Params) -> None:
        """A file of a logged model."""
        path = _field(request, "artifact_file_path")
        if not path:
            raise BadRequest('Request must include the "artifact_file_path" query parameter.')

        def place() -> tuple[Storage, str]:
            model = self._backend.call(logged_models.get, GetLoggedModel(params["model_id"])).model
            return self._place(model.info.artifact_uri, path)

        storage, inside = await self._run(place)
        await send_file(request, storage, inside, self._pool, path, _field(request, "show") == "page")

    async def version_file(self, request: Request, params: Params) -> None:
        """A file of a model version."""
        name, version, path = (_field(request, field) for field in ("name", "version", "path"))
        for field, value in (("name", name), ("version", version), ("path", path)):
            if not value:
                raise codec.missing(field)

        def place() -> tuple[Storage, str]:
            inside = safe_path(path)
            uri = self._backend.call(model_versions.get_download_uri, GetDownloadUri(name, version)).artifact_uri
            if uri.startswith("runs:/"):
                run_id, _, folder = uri.removeprefix("runs:").strip("/").partition("/")
                uri, inside = self._run_uri(run_id), f"{safe_path(folder)}/{inside}".lstrip("/")
            return self._place(uri, inside)

        storage, found = await self._run(place)
        await send_file(request, storage, found, self._pool, shown=path)

    async def upload_run_file(self, request: Request, params: Params) -> None:
        """A small file of a run, as a browser sends it."""
        run_id, path = _field(request, "run_uuid"), _field(request, "path")
        if not run_id:
            raise InvalidParameter("Request must specify run_uuid.")
        if not path:
            raise InvalidParameter("Request must specify path.")
        try:
            body = await read_body(request.receive, _UPLOAD_LIMIT)
        except PayloadTooLarge:
            raise InvalidParameter("Artifact size is too large. Max size is 10MB.") from None
        if not body:
            raise InvalidParameter("Request must specify data.")

        def write() -> None:
            storage, inside = self._place(self._run_uri(run_id), path)
            storage.write(inside, [body], len(body))

        await self._run(write)
        await send_json(request.send, b"{}")

    async def _receive(self, request: Request, writer: Writer) -> None:
        """The request's body into `writer`: one piece is written while the next arrives."""
        pending: asyncio.Future[None] | None = None
        pieces: list[bytes] = []
        size, more = 0, True
        try:
            while more:
                message = await request.receive()
                if message["type"] != "http.request":
                    raise Disconnected
                more = message.get("more_body", False)
                piece = message.get("body", b"")
                pieces.append(piece)
                size += len(piece)
                if size >= _PIECE or (not more and size):
                    if pending is not None:
                        await pending
                    pending = self._run(partial(writer.write, b"".join(pieces)))
                    pieces, size = [], 0
            if pending is not None:
                await pending
            await self._run(writer.commit)
        except BaseException:
            if pending is not None and not pending.done():
                await asyncio.wait([pending])
            await self._run(writer.abort)
            raise

    def _run(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _run_uri(self, run_id: str) -> str:
        return self._backend.call(runs.get, GetRun(run_id)).run.info.artifact_uri

    def _place(self, uri: str, path: str) -> tuple[Storage, str]:
        storage, root = self._roots.place(uri)
        inside = safe_path(path)  # before it is joined: an absolute path must not become a relative one
        return storage, f"{root}/{inside}" if root else inside

    def _origin(self, request: Request) -> str:
        """Scheme and host by which the client reached us, so that addresses in answers work for it too."""
        host = (request.host or b"127.0.0.1").decode("latin-1")
        return f"{request.scope.get('scheme', 'http')}://{host}"


def _field(request: Request, name: str) -> str:
    value = query_fields(request.scope["query_string"]).get(name, "")
    return value if isinstance(value, str) else value[-1]


def _file_in(folder: str, name: str) -> str:
    """The file that a multipart request names. Clients send its folder in the address and its name, or whole path, here."""
    base = name.rpartition("/")[2]
    if not base:
        raise codec.missing("path")
    return f"{folder}/{base}" if folder.rpartition("/")[2] != base else folder


async def _body(request: Request, kind: type[T]) -> T:
    body = await read_body(request.receive, _JSON_LIMIT)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise InvalidParameter(f"The request body is not what this address takes: {error}.") from None
