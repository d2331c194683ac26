"""HTTP headers of every answer: nothing on these pages is anybody else's to frame or script."""

from __future__ import annotations

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
#: For files whose name changes with their content.
CACHEABLE = {"Cache-Control": "public, max-age=31536000, immutable"}
#: For streams; nginx obeys it.
UNBUFFERED = {"X-Accel-Buffering": "no"}
