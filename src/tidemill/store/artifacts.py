"""Operations on artifacts: the database knows where, `Files` looks there."""

from tidemill.errors import NotFound
from tidemill.store.transaction import Tx
from tidemill.types import artifacts as t


def list_files(tx: Tx, arg: t.ListArtifacts) -> t.ArtifactList:
    """See the operation `artifacts.list_files`."""
    uri = _root(tx, arg.run_id)
    return t.ArtifactList(root_uri=uri, files=tx.site.files.list(uri, arg.path))


def presign_upload(tx: Tx, arg: t.PresignUpload) -> t.PresignedUpload:
    """See the operation `artifacts.presign_upload`."""
    return tx.site.files.signed_upload(_root(tx, arg.run_id), arg.path, arg.expiration)


def _root(tx: Tx, run_id: str) -> str:
    row = tx.row("SELECT artifact_uri FROM runs WHERE run_id = ?", (run_id,))
    if row is None:
        raise NotFound(f"Run with id={run_id} not found")
    uri: str = row[0]
    return uri
