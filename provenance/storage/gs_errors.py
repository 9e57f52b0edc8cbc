"""Errors of the Google client as errors of this package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from google.api_core.exceptions import (
    Forbidden,
    GoogleAPICallError,
    NotFound,
    PreconditionFailed,
    RetryError,
    Unauthorized,
)
from google.auth.exceptions import GoogleAuthError
from google.resumable_media.common import DataCorruption, InvalidResponse
from requests.exceptions import RequestException

from kfp_provenance.codes import Code
from kfp_provenance.storage.refusals import storage_error


@contextmanager
def mapped_errors(uri: str) -> Iterator[None]:
    """Raise what the client raises as a :class:`StorageError` at ``uri``.

    A failed precondition is left as it is: only the caller knows what it means. The text of
    the other errors can hold a request's address and headers, so it is not shown.
    """
    try:
        yield
    except PreconditionFailed:
        raise
    except NotFound as error:
        message = "there is no such object or bucket"
        raise storage_error(Code.OBJECT_MISSING, message, uri) from error
    except (Forbidden, Unauthorized, GoogleAuthError) as error:
        raise storage_error(
            Code.OBJECT_UNREACHABLE,
            f"access is not granted ({type(error).__name__})",
            uri,
            remedy="give the account of this process the right to the bucket "
            "(roles/storage.objectUser), or set GOOGLE_APPLICATION_CREDENTIALS",
        ) from error
    except DataCorruption as error:
        message = "the bytes that arrived are not those that the service announced"
        raise storage_error(Code.OBJECT_UNREACHABLE, message, uri) from error
    except (GoogleAPICallError, RetryError, InvalidResponse, RequestException) as error:
        message = f"the service did not answer as it should ({type(error).__name__})"
        raise storage_error(Code.OBJECT_UNREACHABLE, message, uri) from error
