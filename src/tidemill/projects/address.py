"""Where a project's code lies: `<folder | git address | archive>[#subfolder][@ref]`."""

import os
import re
from dataclasses import dataclass

from tidemill.errors import InvalidParameter
from tidemill.tracking.git import without_credentials

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
_LIKE_SCP = re.compile(r"[A-Za-z0-9_][\w.\-]*@[A-Za-z0-9][\w.\-]*:(?!//).+")
_REF = re.compile(r"(?!-)(?!.*(?:\.\.|@\{|//))[^\s~^:?*\[\\\x00-\x20\x7f]+(?<![./])")
GIT_SCHEMES = ("https", "http", "ssh", "git", "file")


@dataclass(frozen=True)
class Address:
    """A parsed address. `kind` is `folder`, `git` or `archive`; `ref` a branch, a tag, a commit, or None for the default."""

    kind: str
    location: str
    subfolder: str = ""
    ref: str | None = None

    @property
    def shown(self) -> str:
        """For people and tags: without a password."""
        found = without_credentials(self.location)
        found += f"#{self.subfolder}" if self.subfolder else ""
        return f"{found}@{self.ref}" if self.ref else found


def parse_address(text: str, version: str | None = None) -> Address:
    """Understand an address; `version` is another way to give the ref.

    A local folder with a ref is its git repository at that ref. Raises InvalidParameter.
    """
    text = text.strip()
    if not text or "\0" in text or "\n" in text or text.startswith("-"):
        raise InvalidParameter(f"{text!r} is not the address of a project: give a folder, a git address or an archive.")
    if os.path.isdir(os.path.expanduser(text)) and version is None:
        return Address("folder", os.path.abspath(os.path.expanduser(text)))
    location, subfolder, ref = _parts(text)
    ref = _checked_ref(version or ref)
    subfolder = _checked_subfolder(subfolder)
    kind, location = _kind(location, ref)
    if kind != "git" and ref is not None:
        raise InvalidParameter(f"'{text}' is no git repository, so it has no version '{ref}'.")
    return Address(kind, location, subfolder, ref)


def _parts(text: str) -> tuple[str, str, str | None]:
    """Location, subfolder and ref. An `@` belongs to a ref only behind the `#` or in the last part of the path."""
    location, mark, rest = text.partition("#")
    if mark:
        subfolder, _, ref = rest.partition("@")
        return location, subfolder, ref or None
    if os.path.exists(location):
        return location, "", None
    host_end = _SCHEME.match(location)
    start = location.find("/", host_end.end()) if host_end else location.find(":")
    if start < 0 and not host_end:
        start = 0
    at = location.find("@", max(start, 0)) if start >= 0 else -1
    if at < 0:
        return location, "", None
    return location[:at], "", location[at + 1 :] or None


def _kind(location: str, ref: str | None) -> tuple[str, str]:
    scheme = _SCHEME.match(location)
    name = scheme[1].lower() if scheme else ""
    if name.startswith("git+"):
        return _git(name.removeprefix("git+"), location[4:])
    is_archive = location.lower().endswith(_ARCHIVES)
    if not scheme and _LIKE_SCP.fullmatch(location):
        return "git", location
    if not scheme or name == "file":
        path = os.path.abspath(os.path.expanduser(location[scheme.end() :] if scheme else location))
        if is_archive and not os.path.isdir(path):
            return "archive", path
        if not os.path.isdir(path):
            raise InvalidParameter(
                f"There is no project at '{without_credentials(location)}': no such folder or archive."
            )
        is_bare = os.path.isfile(os.path.join(path, "HEAD")) and os.path.isdir(os.path.join(path, "objects"))
        return ("git", path) if ref is not None or is_bare else ("folder", path)
    if is_archive:
        return "archive", location
    return _git(name, location)


def _git(scheme: str, location: str) -> tuple[str, str]:
    if scheme not in GIT_SCHEMES:
        raise InvalidParameter(f"Projects are not fetched by '{scheme}:'; use one of {', '.join(GIT_SCHEMES)}.")
    return "git", location


def _checked_ref(ref: str | None) -> str | None:
    if ref is not None and not _REF.fullmatch(ref):
        raise InvalidParameter(f"{ref!r} cannot be a git branch, tag or commit.")
    return ref


def _checked_subfolder(subfolder: str) -> str:
    parts = [part for part in subfolder.split("/") if part not in ("", ".")]
    if ".." in parts or "\\" in subfolder or subfolder.startswith("/"):
        raise InvalidParameter(f"The subfolder '{subfolder}' leads out of the project.")
    return "/".join(parts)
