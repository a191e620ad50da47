"""Calls one function and leaves its answer in a file: python -m scale_parts.job MODULE:FUNCTION ARGUMENTS ANSWER."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path


def main() -> None:
    name, arguments, answer = sys.argv[1:]
    module, _, function = name.partition(":")
    found = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    Path(answer).write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    main()
