"""Views: how somebody looks at an experiment's runs, kept under a name."""

from tidemill.types.page import Entity, Request


class View(Entity, frozen=True):
    """A saved view. `state` is the query of the page's address; `updated_time` is ms since the epoch."""

    experiment_id: str
    name: str
    state: str
    updated_time: int


class SaveView(Request, frozen=True):
    """Keep a view under a name, replacing an older one of that name."""

    experiment_id: str = ""
    name: str = ""
    state: str = ""


class ListViews(Request, frozen=True):
    """Ask for the views of an experiment."""

    experiment_id: str = ""


class DeleteView(Request, frozen=True):
    """Delete a view; one that is not there is fine."""

    experiment_id: str = ""
    name: str = ""


class Views(Entity, frozen=True, omit_defaults=False):
    """Views by name."""

    views: list[View] = []
