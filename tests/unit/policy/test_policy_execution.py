"""``execution``: what embeds the images."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from faceleak_check.policy.schema import ExecutionKeys, Policy

Parse = Callable[..., Policy]
Problems = Callable[..., list[str]]


def test_this_machine_alone_is_the_default(parse: Parse, valid: str) -> None:
    assert parse(valid).execution == ExecutionKeys(engine="local", address=None, workers=None)


@pytest.mark.parametrize("address", ["auto", "10.0.0.1:6379", "head.example:6379", "[fe80::1]:6379"])
def test_a_cluster_by_its_address(parse: Parse, valid: str, address: str) -> None:
    policy = parse(valid + f'execution: {{engine: ray, address: "{address}", workers: 8}}\n')
    assert (policy.execution.engine, policy.execution.address, policy.execution.workers) == (
        "ray",
        address,
        8,
    )


def test_the_environment_may_choose_the_engine(parse: Parse, valid: str) -> None:
    text = valid + 'execution: {engine: "${ENGINE:-local}", workers: 8}\n'
    assert parse(text).execution == ExecutionKeys(workers=8)


@pytest.mark.parametrize(
    "address", ["ray://head:10001", "head", "head:", ":6379", "http://head:6379", "a b:1", "head:6379/"]
)
def test_an_address_that_is_none(problems: Problems, valid: str, address: str) -> None:
    (problem,) = problems(valid + f'execution: {{engine: ray, address: "{address}"}}\n')
    assert problem == (
        f"p.yaml:8:12: execution: found address {address!r}, expected auto or HOST:PORT such as 10.0.0.1:6379; ray:// "
        "cannot be used, as Ray Data does not run in a Ray client: run pytest on a machine of the cluster"
    )
