"""One search for runs over as many pages as it takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tidemill.api import runs as ops
from tidemill.cli.address import Store
from tidemill.cli.find import find_experiment
from tidemill.cli.run_table import RunRow
from tidemill.types.page import ViewType
from tidemill.types.runs import SearchRuns

PAGE = 500


@dataclass
class RunQuery:
    """What to look for, and where. `experiments`: names by id. `select` as the operation has it."""

    store: Store
    experiments: dict[str, str]
    condition: str = ""
    order_by: Sequence[str] = ()
    view: ViewType = ViewType.ACTIVE_ONLY
    select: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls, store: Store, experiments: Sequence[str], condition: str, order_by: Sequence[str], view: str | None
    ) -> "RunQuery":
        """The query that a command's options say. No experiments: all of them. Raises NotFound for an unknown one."""
        found = [find_experiment(store, name) for name in experiments] if experiments else store.experiments()
        names = {one.experiment_id: one.name for one in found}
        return cls(store, names, condition, order_by, ViewType(view or ViewType.ACTIVE_ONLY))

    def rows(self, limit: int | None = None) -> Iterator[RunRow]:
        """At most `limit` runs, read page by page."""
        token: str | None = ""
        while token is not None and limit != 0:
            arg = SearchRuns(
                list(self.experiments),
                self.condition,
                self.view,
                max_results=PAGE if limit is None else min(limit, PAGE),
                order_by=list(self.order_by),
                page_token=token,
                select=self.select,
            )
            page = self.store.call(ops.search, arg)
            for run in page.runs:
                yield RunRow.of(run, self.experiments.get(run.info.experiment_id, ""))
            limit = None if limit is None else limit - len(page.runs)
            token = page.next_page_token or None
