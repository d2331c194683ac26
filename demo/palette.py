"""Pictures with a palette, which have a third of the size."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

_COLORS = 255


def in_palette(png: bytes) -> bytes:
    """Return the picture with a palette of the nearest colors."""
    with Image.open(BytesIO(png)) as image, BytesIO() as small:
        image.convert("RGB").quantize(_COLORS, dither=Image.Dither.NONE).save(
            small, "PNG", optimize=True
        )
        return small.getvalue()
