"""What is noted with each new run by itself: who, from which script, at which commit, in which environment.

All of it is best effort: a part that cannot be found is left out, and nothing here raises or takes long.
"""

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256

from tidemill import settings
from tidemill.tracking import git, tags

_CONSOLE = "<console>"
_SECRET_WORDS = ("token", "secret", "passw", "passphrase", "credential", "apikey", "api-key", "api_key", "access-key")


def captured() -> dict[str, str]:
    """The tags of a new run that nobody has to give. Typically a few milliseconds."""
    found = {**_part(_user), **_part(_source)}
    if settings.capture():
        found |= {**_part(_git), **_part(_environment), **_part(_command)}
    return found


def packages() -> str:
    """The installed packages that Python would import now, one `name==version` a line, sorted; "" where unknown.

    Read from the names of their metadata folders, which takes well under a millisecond for a hundred packages.
    """
    versions: dict[str, str] = {}
    for name, version in _distributions():
        versions.setdefault(name.lower().replace("_", "-"), version)
    return "".join(f"{name}=={version}\n" for name, version in sorted(versions.items()))


def _part(capture: Callable[[], dict[str, str]]) -> dict[str, str]:
    try:
        return capture()
    except Exception:  # whatever is odd about this machine, it is no reason to stop a training
        return {}


def user_name() -> str:
    """The name of whoever runs this process, "" where there is none. Nobody has verified it."""
    return _part(_user).get(tags.USER, "")


def _user() -> dict[str, str]:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        if os.environ.get(name):
            return {tags.USER: os.environ[name]}
    import pwd  # where there is none (Windows), USERNAME is set

    return {tags.USER: pwd.getpwuid(os.getuid()).pw_name}


def _source() -> dict[str, str]:
    notebook = _notebook()
    if notebook is not None:
        return {tags.SOURCE_NAME: notebook, tags.SOURCE_TYPE: "NOTEBOOK"}
    return {tags.SOURCE_NAME: sys.argv[0] or _CONSOLE, tags.SOURCE_TYPE: "LOCAL"}


def _notebook() -> str | None:
    """The notebook's name where this runs in one (a kernel that talks to a front end), else None."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or type(shell).__name__ != "ZMQInteractiveShell":
        return None
    # VS Code tells by a variable, Jupyter by the environment.
    return str(shell.user_ns.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME") or "notebook")


def repository() -> git.Repository | None:
    """The git repository of the script, or of the working folder where none is running. Raises OSError."""
    script = sys.argv[0]
    folder = os.path.dirname(os.path.abspath(script)) if os.path.isfile(script) else os.getcwd()
    return git.find(folder)


def _git() -> dict[str, str]:
    found = _tags_of(repository())
    return {key: value for key, value in found.items() if value}


def _tags_of(repository: git.Repository | None) -> dict[str, str | None]:
    if repository is None:
        return {}
    dirty = repository.is_dirty()
    return {
        tags.GIT_COMMIT: repository.commit,
        tags.GIT_BRANCH: repository.branch,
        tags.GIT_URL: repository.url,
        tags.GIT_DIRTY: None if dirty is None else str(dirty).lower(),
    }


def _environment() -> dict[str, str]:
    found = {tags.PYTHON: ".".join(map(str, sys.version_info[:3])), tags.PLATFORM: sys.platform}
    if hasattr(os, "uname"):
        machine = os.uname()
        found[tags.PLATFORM] = f"{machine.sysname}-{machine.release}-{machine.machine}"
    listed = packages()
    if listed:
        found[tags.PACKAGES] = sha256(listed.encode()).hexdigest()[:16]
    return found


def _distributions() -> Iterator[tuple[str, str]]:
    for folder in sys.path:
        try:
            entries = os.scandir(folder or ".")
        except OSError:
            continue
        with entries:
            for entry in entries:
                stem, ending = os.path.splitext(entry.name)
                name, dash, rest = stem.partition("-")
                if ending in (".dist-info", ".egg-info") and dash:
                    yield name, rest.partition("-")[0]


def _command() -> dict[str, str]:
    if _notebook() is not None or not sys.argv[0]:
        return {}
    return {tags.COMMAND: shown_command(sys.argv)}


def shown_command(words: list[str]) -> str:
    """A command line for people and tags: values of options that are named like a secret are left out."""
    return shlex.join(_without_secrets(words))


def _without_secrets(words: list[str]) -> list[str]:
    """The command line, with the values of options that are named like a secret, and passwords in addresses, left out."""
    shown, hide_next = [], False
    for word in words:
        option, equals, _ = word.partition("=")
        secret = option.startswith("-") and any(part in option.lower() for part in _SECRET_WORDS)
        if hide_next and not word.startswith("-"):
            shown.append("***")
        else:
            shown.append(f"{option}=***" if secret and equals else git.without_credentials(word))
        hide_next = secret and not equals
    return shown
