"""The regular expressions of a policy's texts, as its JSON Schema holds them: those of ECMA 262."""

from __future__ import annotations

__all__ = ["NUMBER", "OWN_NAME", "SHA256", "SHARE", "SIZE", "VARIABLE", "whole"]

VARIABLE = r"\$\{"
"""What has a variable in it; not the whole text."""

NUMBER = r"^[-+]?[0-9.]+([eE][-+]?[0-9]+)?$"
SHARE = r"^[-+]?[0-9.]+([eE][-+]?[0-9]+)?( ?%)?$"
SIZE = "^[0-9.]+ ?([KMGT]i?B|B)$"

OWN_NAME = "[A-Za-z0-9_.-]{1,64}"
SHA256 = "[0-9a-fA-F]{64}"


def whole(pattern: str) -> str:
    """The pattern that a whole text has to be."""
    return f"^{pattern}$"
