"""The error tree: every error this package raises on purpose. Imports nothing of ours.

    WandbLoggingError
      SettingsError          a wrong setting; also a ValueError
      JournalError           the run directory cannot be used
        JournalCorrupt       its files are not what they should be
        JournalLocked        another process uploads this run
      LogError               a metric, step or file that `Run` cannot take; also a ValueError
      TransportError         no answer: refused, timed out, broken off           (retried)
        TLSError             the server's certificate was not accepted           (not retried)
      HTTPStatusError        an answer we did not want; has `.status`
        ServerUnavailable    408, 429, 5xx; has `.retry_after`                   (retried)
        AuthError            401, 403: a new key may help
        RunNotFound          404, 410
        RequestRejected      any other 3xx or 4xx
      GraphQLError           status 200 with errors inside
      NotPossible            what no server refused, and yet can never be done

Catch a base class to treat a whole branch alike. None of these leaves a logging call:
only methods that a person calls on purpose (`Run`, `login`, `sync`) raise them.
"""

from __future__ import annotations

__all__ = [
    "AuthError",
    "GraphQLError",
    "HTTPStatusError",
    "JournalCorrupt",
    "JournalError",
    "JournalLocked",
    "LogError",
    "NotPossible",
    "RequestRejected",
    "RunNotFound",
    "ServerUnavailable",
    "SettingsError",
    "TLSError",
    "TransportError",
    "WandbLoggingError",
]


class WandbLoggingError(Exception):
    """Base of all errors of this package."""


class SettingsError(WandbLoggingError, ValueError):
    """A setting has an unknown name, a wrong type or a wrong value.

    The message names the key, what was given and what is right.
    """


class LogError(WandbLoggingError, ValueError):
    """A value given to a `Run` method by hand cannot be logged."""


class JournalError(WandbLoggingError):
    """A run directory cannot be read or written."""


class JournalCorrupt(JournalError):
    """A file of a run directory does not hold what it should."""


class JournalLocked(JournalError):
    """Another process holds the run directory, or it is where nothing can be locked, or another user's.

    Attributes:
        holder: who holds it; None where it cannot be locked.
        cure: what helps there, in words; None where somebody holds it.
        seconds: after which it counts as free if nobody hears of the holder until then, which is on another host; None
            where the holder is certain to live, or that is not known.
    """

    def __init__(
        self, message: str, holder: str | None = None, cure: str | None = None, seconds: float | None = None
    ) -> None:
        super().__init__(message)
        self.holder = holder
        self.cure = cure
        self.seconds = seconds

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (*self.args, self.holder, self.cure, self.seconds)


class TransportError(WandbLoggingError):
    """The request got no answer: refused, timed out, or broken off."""


class TLSError(TransportError):
    """The server's certificate was not accepted. Retrying does not help."""


class HTTPStatusError(WandbLoggingError):
    """The server answered with a status that is not 2xx, or would have: then it was not asked.

    Attributes:
        status: the HTTP status code; None where no server has said so.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (*self.args, self.status)


class ServerUnavailable(HTTPStatusError):
    """408, 429 or 5xx: the same request may succeed later.

    Attributes:
        retry_after: seconds the server asked us to wait, or None.
    """

    def __init__(self, message: str, status: int | None, retry_after: float | None = None) -> None:
        super().__init__(message, status)
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (*self.args, self.status, self.retry_after)


class AuthError(HTTPStatusError):
    """401 or 403: the key is wrong, or may not do this; or there is none, and no server was asked.

    Attributes:
        cure: what helps, as a sentence; None where a new key may.
    """

    def __init__(self, message: str, status: int | None = None, cure: str | None = None) -> None:
        super().__init__(message, status)
        self.cure = cure

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (*self.args, self.status, self.cure)


class RunNotFound(HTTPStatusError):
    """404 or 410: the run or project is not there (any more)."""


class RequestRejected(HTTPStatusError):
    """Any other 3xx or 4xx, or an address that is none: this very request will never be accepted."""


class GraphQLError(WandbLoggingError):
    """The GraphQL endpoint answered 200 with a list of errors (protocol: not retried)."""


class NotPossible(WandbLoggingError):
    """What was asked for can never be done, for a reason of ours: no server has said so.

    Such as a run that is to be gone on with (`resume: must`) and does not exist.
    """
