from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from policy_examples import VALID

from faceleak_check.errors import PolicyError
from faceleak_check.policy.parse import parse_policy
from faceleak_check.policy.schema import Policy
from faceleak_check.policy.source import Source, read_source


@pytest.fixture
def valid() -> str:
    """A policy without errors."""
    return VALID


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Source]:
    """Write a text to p.yaml and read it as YAML."""

    def _read(text: str | bytes, environment: Mapping[str, str] | None = None) -> Source:
        file = tmp_path / "p.yaml"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_source(file, "p.yaml", environment or {})

    return _read


@pytest.fixture
def yaml_problems(read: Callable[..., Source]) -> Callable[..., list[str]]:
    """What the YAML of a text has wrong."""

    def _problems(text: str | bytes, environment: Mapping[str, str] | None = None) -> list[str]:
        try:
            return sorted(map(str, read(text, environment).problems))
        except PolicyError as error:
            return str(error).splitlines()

    return _problems


@pytest.fixture
def parse(tmp_path: Path) -> Callable[..., Policy]:
    """Write a text to p.yaml and parse it as a policy."""

    def _parse(text: str | bytes, environment: Mapping[str, str] | None = None) -> Policy:
        file = tmp_path / "p.yaml"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return parse_policy(file, shown_as="p.yaml", environment=environment or {})

    return _parse


@pytest.fixture
def problems(parse: Callable[..., Policy]) -> Callable[..., list[str]]:
    """What a policy has wrong, line by line."""

    def _problems(text: str | bytes, environment: Mapping[str, str] | None = None) -> list[str]:
        with pytest.raises(PolicyError) as refused:
            parse(text, environment)
        return str(refused.value).splitlines()

    return _problems


@pytest.fixture
def problems_after(problems: Callable[..., list[str]]) -> Callable[[str, str], list[str]]:
    """What the policy without errors has wrong after one replacement."""

    def _problems(old: str, new: str) -> list[str]:
        assert old in VALID
        return problems(VALID.replace(old, new))

    return _problems
