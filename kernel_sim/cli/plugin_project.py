"""A plugin project to begin with: the reference of a role, function by function to be replaced.

::

    my-frames/
      pyproject.toml        makes it installable; its entry point is the plugin's name
      my_frames.py          the plugin: every hook of the role, handed on to the reference
      test_my_frames.py     boots with it
"""

import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from textwrap import indent
from typing import Final

from kernel_sim import hookspecs
from kernel_sim.errors import InputError
from kernel_sim.hookspecs import ROLE_HOOKS
from kernel_sim.host.implementations import HOOK_PARAMETERS, Implementation
from kernel_sim.loading import load_plugin
from kernel_sim.nearest import unknown_name
from kernel_sim.profiles import profile as profile_called

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_OPTIONS: Final = ("wrapper", "hookwrapper", "tryfirst", "trylast")
_PYPROJECT: Final = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{distribution}"
version = "0.1.0"
description = "A plugin for kernel-sim that fills the role {role}"
requires-python = ">=3.11"
dependencies = ["kernel-sim"]

[project.entry-points.kernel_sim]
{module} = "{module}"

[tool.hatch.build.targets.wheel]
only-include = ["{module}.py"]
"""
_PLUGIN: Final = '''\
"""{title}: the role {role} of {profile}.

Each function here hands on to the reference. Replace one after another with your own; the tests
tell you whether the kernel still boots.
"""

from {package} import {reference} as reference

from kernel_sim import hookimpl
'''
_HOOK: Final = '''

@hookimpl{options}
def {hook}({parameters}):
    """{summary}"""
    {body}
'''
_TEST: Final = '''\
"""Boots {profile} with the plugin: ``python -m pytest``."""

import {module}
import pytest

from kernel_sim.boot import boot


@pytest.mark.parametrize("seed", [0, 1])
def test_the_kernel_boots_with_it(seed):
    result = boot("{profile}", roles={{"{role}": {module}}}, seed=seed)
    assert result.oops is None, result.oops
    assert [test for test in result.selftests if not test.passed] == []


def test_it_fills_the_role():
    result = boot("{profile}", roles={{"{role}": {module}}})
    assert result.as_json()["roles"]["{role}"] == "{module}"
'''


def plugin_project(name: str, role: str, profile: str) -> Mapping[str, str]:
    """File name → text of a project called ``name``, whose plugin fills ``role`` of ``profile``.

    Raises:
        InputError: no good name, or no such role or profile.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} is no name for a plugin",
            expected="small letters, digits and - such as my-frames",
        )
    roles = profile_called(profile).roles
    if role not in ROLE_HOOKS:
        raise unknown_name("role", role, roles)
    if role not in roles:
        raise InputError(
            f"{profile} leaves the role {role} empty", expected=f"one of {', '.join(roles)}"
        )
    reference = load_plugin(roles[role])
    package, _, stem = getattr(reference.plugin, "__name__", "").rpartition(".")
    module = name.replace("-", "_")
    words = {
        "distribution": name.replace("_", "-"),
        "module": module,
        "role": role,
        "profile": profile,
        "title": module,
        "package": package,
        "reference": stem,
    }
    return {
        "pyproject.toml": _PYPROJECT.format(**words),
        f"{module}.py": _PLUGIN.format(**words)
        + "".join(_HOOK.format(**_hook(item)) for item in _in_order(reference.implementations)),
        f"test_{module}.py": _TEST.format(**words),
    }


def write_project(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Write ``files`` into ``folder``, which is made; the paths written.

    Raises:
        InputError: the folder is there already.
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise InputError("is there already", where=str(folder), expected="a new folder") from None
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files]


def _in_order(found: tuple[Implementation, ...]) -> list[Implementation]:
    """The implementations, as the specification lists their hooks."""
    place = list(HOOK_PARAMETERS).index
    return sorted(found, key=lambda item: (place(item.hook), item.wraps))


def _hook(item: Implementation) -> dict[str, str]:
    specification = getattr(hookspecs, item.hook)
    summary = inspect.getdoc(specification) or ""
    given = [*item.positional, *(f"{name}={name}" for name in item.keyword_only)]
    call = f"reference.{item.hook}({', '.join(given)})"
    options = [name for name in _OPTIONS if getattr(item, name)]
    returns = inspect.signature(specification).return_annotation
    body = call if returns is None else f"return {call}"
    return {
        "hook": item.hook,
        "options": f"({', '.join(f'{name}=True' for name in options)})" if options else "",
        "parameters": ", ".join(HOOK_PARAMETERS[item.hook]),
        "summary": indent(summary, "    ").lstrip() + ("\n    " if "\n" in summary else ""),
        "body": f"return (yield from {call})" if item.wraps else body,
    }
