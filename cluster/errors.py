"""Every error that Reelyard raises on purpose, in one tree.

    ReelyardError                 internal                500
    ├── BadRequest                bad_request             400
    │   ├── InvalidInput          invalid_input           400   nothing usable was sent as input
    │   └── InvalidCursor         invalid_cursor          400
    ├── ValidationFailed          validation_error        422
    │   ├── UnknownOperation      unknown_operation       422
    │   ├── UnsupportedOutput     unsupported_output      422
    │   └── IdempotencyMismatch   idempotency_mismatch    422
    ├── Unauthorized              unauthorized            401
    ├── InsufficientCredits       insufficient_credits    402
    ├── Forbidden                 forbidden               403
    │   ├── SourceForbidden       source_forbidden        403
    │   └── UnsafeFolder          unsafe_folder           403   others own or can write it
    ├── NotFound                  not_found               404
    ├── MethodNotAllowed          method_not_allowed      405
    ├── RequestTimeout            request_timeout         408   retryable
    ├── Conflict                  conflict                409
    │   ├── NotReady              not_ready               409
    │   └── AlreadyFinished       already_finished        409
    ├── Gone                      gone                    410
    ├── WrongVersion              wrong_version           412
    ├── TooLarge                  too_large               413
    ├── UnsupportedType           unsupported_type        415
    ├── ChecksumMismatch          checksum_mismatch       460
    ├── RateLimited               rate_limited            429   retryable
    ├── Unavailable               service_unavailable     503   retryable
    │   └── StartFailed           start_failed            503   retryable
    ├── StorageFull               storage_full            507   retryable
    └── MediaError                media_error             422   a job that ends so is `failed`
        ├── SourceNotFound        source_not_found        422
        ├── SourceUnreadable      source_unreadable       422   directory, permission, network
        ├── EmptySource           empty_source            422
        ├── CorruptMedia          corrupt_media           422
        ├── TruncatedMedia        truncated_media         422   cut off short; `partial` takes it
        ├── UnsupportedFormat     unsupported_format      422
        ├── UnsupportedCodec      unsupported_codec       422
        ├── NoSuchStream          no_such_stream          422
        ├── LimitExceeded         limit_exceeded          422   pixels, frames, time, memory
        ├── OutputUnwritable      output_unwritable       422
        ├── VerificationFailed    verification_failed     422   the output is not as promised
        ├── Stalled               stalled                 422   retryable
        ├── TimedOut              timed_out               422
        ├── WorkerCrashed         worker_crashed          422
        ├── WorkerLost            worker_lost             422   retryable
        └── Cancelled             cancelled               409

`code` is stable and part of the API; `message` is for the person who asked (no paths of the
server); `details` are its fields; both are without the secrets of URLs (see
`reelyard.cluster.url_secrets`); `internal` goes to the log only.
"""

from __future__ import annotations

from typing import Any, ClassVar

from reelyard.cluster.readable_text import readable
from reelyard.cluster.url_secrets import hide_in_text, hide_secrets


class ReelyardError(Exception):
    """Something went wrong inside Reelyard."""

    code: ClassVar[str] = "internal"
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str | None = None,
        *,
        details: dict[str, Any] | None = None,
        internal: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        # Whatever a message quotes: what is secret in a URL is nobody's to read.
        self.message = readable(hide_in_text(message or _default_message(type(self))))
        self.details: dict[str, Any] = hide_secrets(details) if details else {}
        self.internal = internal
        self.retry_after_s = retry_after_s
        super().__init__(self.message)

    # Ray 2.60 rebuilds an exception from `args` alone and loses keyword-only fields.
    def __reduce__(self) -> tuple[Any, ...]:
        return (
            _rebuild,
            (type(self), self.message, self.details, self.internal, self.retry_after_s),
        )

    def as_dict(self) -> dict[str, Any]:
        """`{code, message, retryable, details}`: the public form, safe to send to a client."""
        return {
            "code": self.code,
            "message": self.message,
            "retryable": self.retryable,
            "details": self.details,
        }


def _default_message(cls: type[ReelyardError]) -> str:
    # Under `python -OO` docstrings are gone.
    return (cls.__doc__ or cls.code).strip().splitlines()[0]


def _rebuild(
    cls: type[ReelyardError],
    message: str,
    details: dict[str, Any],
    internal: str | None,
    retry_after_s: float | None,
) -> ReelyardError:
    return cls(message, details=details, internal=internal, retry_after_s=retry_after_s)


class BadRequest(ReelyardError):
    """The request can't be understood."""

    code, http_status = "bad_request", 400


class InvalidInput(BadRequest):
    """No usable input was sent."""

    code = "invalid_input"


class InvalidCursor(BadRequest):
    """The paging cursor is not one that this server gave out."""

    code = "invalid_cursor"


class ValidationFailed(ReelyardError):
    """A field of the request has a value that is not allowed.

    `details` are `field`, `value`, `allowed` and `suggestion` of the first fault, as far as there
    are such, and `errors`: all faults, as `reelyard.cluster.faults` makes them.
    """

    code, http_status = "validation_error", 422


class UnknownOperation(ValidationFailed):
    """There is no operation of that name."""

    code = "unknown_operation"


class UnsupportedOutput(ValidationFailed):
    """That combination of container and codec can't be written."""

    code = "unsupported_output"


class IdempotencyMismatch(ValidationFailed):
    """This idempotency key was used for a different request."""

    code = "idempotency_mismatch"


class Unauthorized(ReelyardError):
    """Invalid or missing API key"""

    code, http_status = "unauthorized", 401


class InsufficientCredits(ReelyardError):
    """There are not enough credits for this job."""

    code, http_status = "insufficient_credits", 402


class Forbidden(ReelyardError):
    """That is not allowed with this key."""

    code, http_status = "forbidden", 403


class SourceForbidden(Forbidden):
    """That source may not be read by this server."""

    code = "source_forbidden"


class UnsafeFolder(Forbidden):
    """Another user of this machine owns or can write a folder that must be private."""

    code = "unsafe_folder"


class NotFound(ReelyardError):
    """There is no such thing here."""

    code, http_status = "not_found", 404


class MethodNotAllowed(ReelyardError):
    """This path does not take that method."""

    code, http_status = "method_not_allowed", 405


class RequestTimeout(ReelyardError):
    """The request came too slowly."""

    code, http_status, retryable = "request_timeout", 408, True


class Conflict(ReelyardError):
    """The present state does not allow that."""

    code, http_status = "conflict", 409


class NotReady(Conflict):
    """The job is not finished yet."""

    code = "not_ready"


class AlreadyFinished(Conflict):
    """The job has already ended."""

    code = "already_finished"


class Gone(ReelyardError):
    """It was here and has expired."""

    code, http_status = "gone", 410


class WrongVersion(ReelyardError):
    """This version of the protocol is not spoken here."""

    code, http_status = "wrong_version", 412


class TooLarge(ReelyardError):
    """The request body is larger than this server takes."""

    code, http_status = "too_large", 413


class UnsupportedType(ReelyardError):
    """This content type is not taken here."""

    code, http_status = "unsupported_type", 415


class ChecksumMismatch(ReelyardError):
    """The bytes that came are not those that the checksum was made of (tus 1.0.0, Checksum)."""

    code, http_status = "checksum_mismatch", 460


class RateLimited(ReelyardError):
    """Too many requests; try again later."""

    code, http_status, retryable = "rate_limited", 429, True


class Unavailable(ReelyardError):
    """The service is not ready; try again shortly."""

    code, http_status, retryable = "service_unavailable", 503, True


class StartFailed(Unavailable):
    """The server could not be started."""

    code = "start_failed"


class StorageFull(ReelyardError):
    """There is no room left to store this."""

    code, http_status, retryable = "storage_full", 507, True


class MediaError(ReelyardError):
    """The media could not be processed."""

    code, http_status = "media_error", 422


class SourceNotFound(MediaError):
    """The input does not exist."""

    code = "source_not_found"


class SourceUnreadable(MediaError):
    """The input can't be read."""

    code = "source_unreadable"


class EmptySource(MediaError):
    """The input is empty."""

    code = "empty_source"


class CorruptMedia(MediaError):
    """The input is damaged or is not media."""

    code = "corrupt_media"


class TruncatedMedia(MediaError):
    """The input is cut off short.

    `details` tell `expected_duration_s` (None: unknown) and `available_duration_s`, and the
    `parameter` of the operation that takes what is there.
    """

    code = "truncated_media"


class UnsupportedFormat(MediaError):
    """The container format of the input is not taken."""

    code = "unsupported_format"


class UnsupportedCodec(MediaError):
    """There is no decoder for the input's codec."""

    code = "unsupported_codec"


class NoSuchStream(MediaError):
    """The input lacks the stream that this operation needs."""

    code = "no_such_stream"


class LimitExceeded(MediaError):
    """The media exceeds a limit of this server."""

    code = "limit_exceeded"


class OutputUnwritable(MediaError):
    """The output can't be written."""

    code = "output_unwritable"


class VerificationFailed(MediaError):
    """The output is not what was asked for."""

    code = "verification_failed"


class Stalled(MediaError):
    """Processing made no progress for too long."""

    code, retryable = "stalled", True


class TimedOut(MediaError):
    """Processing took longer than allowed."""

    code = "timed_out"


class WorkerCrashed(MediaError):
    """Processing this input crashed the codec process repeatedly."""

    code = "worker_crashed"


class WorkerLost(MediaError):
    """The worker that ran this was lost too often."""

    code, retryable = "worker_lost", True


class Cancelled(MediaError):
    """The job was cancelled."""

    code, http_status = "cancelled", 409


def error_classes() -> list[type[ReelyardError]]:
    """Every class of the tree, the root first."""
    found: list[type[ReelyardError]] = [ReelyardError]
    for cls in found:
        # Ray makes a class of each error that it raises, with the code of the one it stands for.
        found.extend(sub for sub in cls.__subclasses__() if "code" in vars(sub))
    return found


def error_from_dict(data: dict[str, Any]) -> ReelyardError:
    """The error that `as_dict` described; an unknown code becomes a plain `ReelyardError`."""
    by_code = {cls.code: cls for cls in error_classes()}
    cls = by_code.get(data.get("code", ""), ReelyardError)
    return cls(data.get("message"), details=data.get("details"))
