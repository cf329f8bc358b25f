"""Forms with files (`multipart/form-data`, RFC 7578), received in constant memory."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from reelyard.cluster.errors import InvalidInput, ReelyardError, TooLarge, UnsupportedType
from reelyard.cluster.storage.streams import Feeder, limit

_MAX_FIELD_BYTES = 64 << 10
_MAX_PARTS = 64
_MAX_HEADER_BYTES = 16 << 10
_FORM_OVERHEAD_BYTES = 1 << 20
"""Fields, boundaries and headers around the file."""


@dataclass(frozen=True)
class FormFile:
    """A file's part of a form, without its bytes."""

    field: str
    filename: str
    """As the client sent it: not safe as a path."""
    content_type: str


@dataclass
class Form[T]:
    """A form that has come in whole."""

    fields: dict[str, str] = field(default_factory=dict)
    files: list[tuple[FormFile, T]] = field(default_factory=list)
    """Each file with what the sink returned for it."""


type Sink[T] = Callable[[FormFile, AsyncIterable[bytes]], Awaitable[T]]


def check_length(request: Request, max_bytes: int) -> None:
    """Raises `TooLarge` by the Content-Length alone, before a byte is read.

    Behind Serve this matters: what is read is held in memory until it is stored.
    """
    length = body_length(request)
    if length is not None and length > max_bytes:
        raise TooLarge(
            f"the request body has {length} bytes; at most {max_bytes} are taken here",
            details={"max_bytes": max_bytes},
        )


def body_length(request: Request) -> int | None:
    """The Content-Length, in bytes; None if the client told none that can be read."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else None


async def receive_form[T](
    request: Request,
    max_bytes: int,
    sink: Sink[T],
    undo: Callable[[T], Awaitable[None]] | None = None,
) -> Form[T]:
    """Read a form; each file goes to `sink` while it arrives, and its result into the form.

    `max_bytes` bounds each file. A file that the sink does not read is passed over. If the form
    breaks off or is refused, the sink of the file under way sees an error, and `undo` is called
    with the result of each file before it. Raises `UnsupportedType` (no form), `InvalidInput`
    (malformed), `TooLarge`, and what the sink raises.
    """
    boundary = _boundary(request)
    check_length(request, max_bytes + _FORM_OVERHEAD_BYTES)
    receiver = _Receiver(boundary, max_bytes, sink)
    try:
        async for chunk in limit(request.stream(), max_bytes + _FORM_OVERHEAD_BYTES):
            await receiver.feed(chunk)
        return receiver.close()
    except BaseException as error:
        await receiver.abandon(error, undo)
        if isinstance(error, ClientDisconnect):
            raise InvalidInput("the form broke off before its end") from error
        raise


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data":
        raise UnsupportedType("the body must be a form of type multipart/form-data")
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 256:
        raise InvalidInput("the form's Content-Type names no boundary")
    return boundary


class _Receiver[T]:
    """Turns the parser's callbacks, which can't wait, into steps that can."""

    def __init__(self, boundary: bytes, max_bytes: int, sink: Sink[T]) -> None:
        self.form: Form[T] = Form()
        self._max_bytes = max_bytes
        self._sink = sink
        self._steps: list[tuple[str, bytes]] = []
        self._headers: dict[bytes, bytes] = {}
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._file: FormFile | None = None
        self._feeder: Feeder[T] | None = None
        self._field: str = ""
        self._value = bytearray()
        self._parts = 0
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": lambda: self._note("begin"),
                "on_header_field": lambda data, start, end: self._note("name", data[start:end]),
                "on_header_value": lambda data, start, end: self._note("value", data[start:end]),
                "on_header_end": lambda: self._note("header"),
                "on_headers_finished": lambda: self._note("headers"),
                "on_part_data": lambda data, start, end: self._note("data", data[start:end]),
                "on_part_end": lambda: self._note("end"),
                "on_end": lambda: self._note("close"),
            },
        )

    def _note(self, step: str, data: bytes = b"") -> None:
        self._steps.append((step, data))

    async def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body. Raises as `receive_form`."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise InvalidInput(f"the form is malformed: {error}") from error
        steps, self._steps = self._steps, []
        for step, data in steps:
            await self._take(step, data)

    def close(self) -> Form[T]:
        """The form. Raises `InvalidInput` if it has not come to its end."""
        if not self._ended:
            raise InvalidInput("the form broke off before its end")
        return self.form

    async def abandon(
        self, error: BaseException, undo: Callable[[T], Awaitable[None]] | None
    ) -> None:
        """End the file under way, undo those before it."""
        if self._feeder is not None:
            await self._feeder.abandon(error)
        for _, result in self.form.files if undo is not None else []:
            try:
                assert undo is not None
                await undo(result)
            except ReelyardError:
                continue

    async def _take(self, step: str, data: bytes) -> None:
        match step:
            case "begin":
                self._begin()
            case "name":
                self._grow(self._header_name, data, _MAX_HEADER_BYTES)
            case "value":
                self._grow(self._header_value, data, _MAX_HEADER_BYTES)
            case "header":
                self._headers[bytes(self._header_name).lower()] = bytes(self._header_value)
                self._header_name.clear()
                self._header_value.clear()
            case "headers":
                self._open()
            case "data" if self._feeder is not None:
                await self._feeder.send(data)
            case "data":
                self._grow(self._value, data, _MAX_FIELD_BYTES)
            case "end":
                await self._end()
            case _:
                self._ended = True

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise TooLarge(f"the form has more than {_MAX_PARTS} parts")
        self._headers.clear()

    def _grow(self, buffer: bytearray, data: bytes, most: int) -> None:
        buffer += data
        if len(buffer) > most:
            raise TooLarge(f"a field or header of the form is longer than {most} bytes")

    def _open(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"name" not in options:
            raise InvalidInput("a part of the form has no name")
        self._field = options[b"name"].decode("utf-8", "replace")
        filename = options.get(b"filename")
        if filename is None:
            return
        file = FormFile(
            field=self._field,
            filename=filename.decode("utf-8", "replace"),
            content_type=self._headers.get(b"content-type", b"").decode("latin-1"),
        )
        sink, cap = self._sink, self._max_bytes

        async def consume(chunks: AsyncIterable[bytes]) -> T:
            return await sink(file, limit(chunks, cap))

        self._file = file
        self._feeder = Feeder(consume)

    async def _end(self) -> None:
        if self._feeder is None or self._file is None:
            self.form.fields[self._field] = self._value.decode("utf-8", "replace")
            self._value.clear()
            return
        result = await self._feeder.finish()
        self.form.files.append((self._file, result))
        self._feeder = self._file = None
