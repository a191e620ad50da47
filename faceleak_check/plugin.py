"""The pytest plugin: options, and hook bodies that only delegate.

pytest imports this module in every run of every project that has faceleak-check installed, so it imports the
standard library and pytest alone. What it delegates to is imported when a policy is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from faceleak_check.fixture import FaceleakFixture


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the command line options and the ini setting."""
    group = parser.getgroup("faceleak", "privacy gate for synthetic face datasets (faceleak-check)")
    group.addoption(
        "--faceleak-policy",
        action="append",
        default=[],
        metavar="POLICY",
        help="run this privacy policy: a YAML file, a folder of them, or builtin:NAME; may be given again. "
        "Without a test path on the command line only policies are run.",
    )
    group.addoption(
        "--faceleak-store",
        metavar="DIR",
        help="folder for templates (private), or the URL of one that machines share; default: $FACELEAK_STORE or "
        "the user's cache folder",
    )
    group.addoption(
        "--faceleak-evidence",
        metavar="DIR",
        default="faceleak-evidence",
        help="folder for the evidence (private); default: faceleak-evidence",
    )
    group.addoption(
        "--faceleak-thumbnails",
        action="store_true",
        help="put small pictures of the pairs, and of samples of what was left out, into the evidence folder and its "
        "page; without it they hold no face",
    )
    group.addoption(
        "--faceleak-blur-source",
        action="store_true",
        help="blur the pictures of real people among them; needs --faceleak-thumbnails",
    )
    group.addoption(
        "--faceleak-offline",
        action="store_true",
        help="never touch the network: models that are not on this machine make a verdict inconclusive",
    )
    parser.addini(
        "faceleak_policies",
        type="linelist",
        help="privacy policies to run in every run of this project, one a line, relative to this file",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Starts the gate where a policy is asked for."""
    if config.getoption("--faceleak-offline"):
        from faceleak_check.environment import set_for_now

        config.add_cleanup(set_for_now("FACELEAK_OFFLINE", "1"))
    if config.getoption("--faceleak-policy") or config.getini("faceleak_policies"):
        from faceleak_check.session import PolicySession

        # without a name, so that no `-p no:NAME` leaves the policies out of a run that was asked for them
        config.pluginmanager.register(PolicySession(config))


@pytest.fixture
def faceleak(request: pytest.FixtureRequest) -> FaceleakFixture:
    """Run a privacy policy inside a test of your own.

    ``assert faceleak("policies/release.yaml").passed``
    """
    from faceleak_check.fixture import FaceleakFixture

    return FaceleakFixture(request.config)
