"""What a file is, by its first bytes and by its name, without opening it as a picture."""

from __future__ import annotations

import re

__all__ = [
    "HEAD_BYTES",
    "READABLE",
    "describe",
    "has_image_suffix",
    "is_apple_double",
    "other_kind",
    "sniff",
    "suffix_of",
]

HEAD_BYTES = 64
"""As many first bytes as `sniff` and `describe` look at."""

READABLE = frozenset({"JPEG", "PNG", "WebP", "BMP", "TIFF", "GIF", "AVIF", "PNM"})
"""The formats that can be decoded."""

_SIGNATURES = re.compile(
    rb"""(?P<JPEG>\xff\xd8\xff)
    | (?P<PNG>\x89PNG\r\n\x1a\n)
    | (?P<WebP>RIFF.{4}WEBP)
    | (?P<GIF>GIF8[79]a)
    | (?P<BMP>BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0)
    | (?P<TIFF>II[*+]\0|MM\0[*+])
    | (?P<PNM>P[456]\s+[\d\#])
    | (?P<AVIF>.{4}ftyp(?:avi[fs]|(?:mif1|msf1).{4}(?:.{4})*?avi[fs]))
    | (?P<HEIC>.{4}ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1))
    | (?P<JPEG_XL>\xff\x0a|\0\0\0\x0cJXL\ \r\n\x87\n)
    | (?P<JPEG_2000>\0\0\0\x0cjP\ \ \r\n\x87\n|\xff\x4f\xff\x51)
    | (?P<JPEG_XR>II\xbc)
    | (?P<PSD>8BPS)
    | (?P<OpenEXR>v/1\x01)
    | (?P<QOI>qoif)""",
    re.DOTALL | re.VERBOSE,
)
_IMAGE_SUFFIX = re.compile(
    r"\.(?:a?png|arw|avci|avifs?|bmp|bpg|cr[23]|cur|dds|dib|dng|emf|exr|flif|gif|hdr|heics?|heifs?|hif|icns|ico"
    r"|j2k|jfif|jif|jls|jng|jp2|jp[efgx]|jpeg|jxl|jxr|mng|mpo|nef|orf|p[abfgnp]m|pcx|pef|psb|psd|qoi|raf|ras"
    r"|rw2|sgi|srw|svgz?|tga|tiff?|wbmp|webp|wmf|x3f|xbm|xcf|xpm)"
)
_APPLE_DOUBLE, _APPLE_PREFIX = b"\0\5\x16\7", "._"
_PLAIN_SUFFIX = re.compile(r"\.[a-z0-9_+-]{1,16}")


def sniff(head: bytes) -> str | None:
    """Name of the image format that these first bytes announce, such as ``JPEG``; None for no image."""
    found = _SIGNATURES.match(head)
    return found.lastgroup.replace("_", " ") if found and found.lastgroup else None


def has_image_suffix(name: str) -> bool:
    """Whether a file's name says that it is an image, of a format that can be decoded or not."""
    return _IMAGE_SUFFIX.fullmatch(suffix_of(name)) is not None


def suffix_of(name: str) -> str:
    """The suffix of a file's name, in lower case with its dot; empty where there is none."""
    stem, dot, end = name.rpartition(".")
    suffix = (dot + end).lower() if stem else ""
    # a dot in the middle of a sentence starts no suffix
    return suffix if _PLAIN_SUFFIX.fullmatch(suffix) else ""


def other_kind(name: str, head: bytes) -> str | None:
    """What a file counts as that is no image by its name nor by its first bytes; None for an image.

    Args:
        name: The last part of its path.
        head: Its first bytes, `HEAD_BYTES` of them or all.

    Returns:
        Its suffix, with its dot; ``._`` for what macOS puts beside an image and names like it.
    """
    if not has_image_suffix(name) and sniff(head) is None:
        return suffix_of(name)
    return _APPLE_PREFIX if is_apple_double(name, head) else None


def is_apple_double(name: str, head: bytes) -> bool:
    """Whether a file is what macOS puts beside another one and names like it, with ``._`` in front."""
    return name.startswith(_APPLE_PREFIX) and head.startswith(_APPLE_DOUBLE)


def describe(data: bytes) -> str:
    """Say in one sentence why bytes of no readable format cannot be decoded."""
    head = data[:HEAD_BYTES]
    found = sniff(head)
    if not head:
        return "the file is empty"
    if found:
        article = "an" if found == "OpenEXR" else "a"
        return f"{article} {found} image, a format that cannot be read: save it as PNG or JPEG"
    if head.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer in place of the image: fetch the images with git lfs pull"
    if head.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return "an HTML page, not an image"
    if not re.search(rb"[\x00-\x08\x0e-\x1f\x7f]", head) and head[:3].isascii():
        return "text, not an image"
    return "not an image of a format that can be read (JPEG, PNG, WebP, BMP, TIFF, GIF, AVIF, PNM)"
