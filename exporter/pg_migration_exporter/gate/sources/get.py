"""A bounded GET request, without the exporter's login: these are other services."""

from __future__ import annotations

import asyncio
import json
import time
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

#: Bytes.
_MAX_BODY = 4 << 20
_CHUNK = 1 << 16


class NoAnswerError(Exception):
    """There was no answer, or not one that can be used; the text says why."""


class Response(NamedTuple):
    """The status, the body, and the seconds that both took."""

    status: int
    body: bytes
    seconds: float


async def get(url: str, timeout: float) -> Response:
    """Request an http or https URL. Raises NoAnswerError."""
    return await asyncio.to_thread(_get, url, timeout)


def _get(url: str, timeout: float) -> Response:
    began = time.monotonic()
    try:
        with _open(url, timeout) as response:
            body = b""
            while chunk := response.read1(_CHUNK):
                body += chunk
                if len(body) > _MAX_BODY:
                    raise NoAnswerError(f"the body is longer than {_MAX_BODY} bytes")
                if time.monotonic() - began > timeout:
                    raise NoAnswerError(f"no whole answer within {timeout:g} s")
            return Response(response.status, body, time.monotonic() - began)
    except (OSError, HTTPException) as error:
        raise NoAnswerError(f"no answer: {getattr(error, 'reason', error)}") from error


def _open(url: str, timeout: float) -> Any:
    try:
        return urlopen(Request(url), timeout=timeout)  # noqa: S310 - its type is Url
    except HTTPError as error:
        return error  # a status such as 503 is an answer


def as_json(body: bytes) -> Any:
    """Return the value of a body. Raises NoAnswerError."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoAnswerError("the body is not JSON") from error
