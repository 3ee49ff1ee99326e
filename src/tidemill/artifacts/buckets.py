"""How a bucket's address and the environment become an obstore store: endpoints and credentials of each provider.

obstore reads the providers' own variables (`AWS_…`, `GOOGLE_…`, `AZURE_…`) and asks the machine's metadata service;
added here is what MLflow and the providers' other tools understand besides.
"""

import configparser
import os
from typing import Any

from tidemill import settings
from tidemill.artifacts.uri import ArtifactUri
from tidemill.errors import InvalidParameter, MissingDependency

_AZURE_KEYS = {
    "AccountName": "account_name",
    "AccountKey": "account_key",
    "SharedAccessSignature": "sas_key",
    "BlobEndpoint": "endpoint",
}


def s3_store(uri: ArtifactUri) -> Any:
    """The S3 bucket of `s3://bucket/…`.

    Besides `AWS_…`: `MLFLOW_S3_ENDPOINT_URL`, `MLFLOW_S3_IGNORE_TLS`, and the keys and region that the profile
    `AWS_PROFILE` ("default") has in the files of the AWS command line.
    """
    config = _aws_profile()
    endpoint = settings.s3_endpoint()
    if endpoint:
        config["endpoint"] = endpoint
    options = {"allow_invalid_certificates": True} if settings.s3_ignore_tls() else {}
    return _store("S3Store", "s3", uri.authority, config, endpoint, options)


def gcs_store(uri: ArtifactUri) -> Any:
    """The Google Cloud Storage bucket of `gs://bucket/…`. Besides `GOOGLE_…`: `STORAGE_EMULATOR_HOST`."""
    config: dict[str, Any] = {}
    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    if emulator:
        config["base_url"] = emulator if "://" in emulator else f"http://{emulator}"
        config["bearer_token"] = "any"  # noqa: S105 - emulators take any; without one a real one would be fetched
    return _store("GCSStore", "gcs", uri.authority, config, config.get("base_url") or os.environ.get("GOOGLE_BASE_URL"))


def azure_store(uri: ArtifactUri) -> Any:
    """The container of `az://container/…`, or of `abfss://` and `wasbs://container@account.….net/…`.

    Besides `AZURE_…`: `AZURE_STORAGE_CONNECTION_STRING`.
    """
    container, _, host = (uri.authority or "").partition("@")
    config: dict[str, Any] = {}
    for field in os.environ.get("AZURE_STORAGE_CONNECTION_STRING", "").split(";"):
        name, _, value = field.partition("=")
        if name in _AZURE_KEYS:
            config[_AZURE_KEYS[name]] = value
    if host:
        account = host.partition(".")[0]
        if config.setdefault("account_name", account) != account:  # the string is another account's
            config = {"account_name": account}
    return _store("AzureStore", "azure", container, config, config.get("endpoint") or os.environ.get("AZURE_ENDPOINT"))


def _store(
    kind: str, extra: str, bucket: str | None, config: dict[str, Any], endpoint: str | None, options: Any = None
) -> Any:
    try:
        from obstore import exceptions, store
    except ImportError:
        raise MissingDependency("obstore", extra, f"Storing artifacts in a bucket ({extra})") from None
    client = {
        "timeout": "7d",  # counts a whole transfer, so it is only a last resort
        "read_timeout": "120s",
        "connect_timeout": "20s",
        # Plain HTTP only where the operator named such an endpoint.
        "allow_http": (endpoint or "").startswith("http://"),
    }
    try:
        return getattr(store, kind)(bucket, config=config, client_options=client | (options or {}))
    except (exceptions.BaseError, ValueError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise InvalidParameter(f"The bucket '{bucket}' cannot be opened with these credentials: {reason}") from error


def _aws_profile() -> dict[str, Any]:
    """Keys and region from the AWS command line's files, where the environment does not name keys itself."""
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        return {}
    profile = os.environ.get("AWS_PROFILE", "default")
    keys = _section(os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"), profile)
    more = _section(
        os.environ.get("AWS_CONFIG_FILE", "~/.aws/config"), profile if profile == "default" else f"profile {profile}"
    )
    config = {
        "access_key_id": keys.get("aws_access_key_id"),
        "secret_access_key": keys.get("aws_secret_access_key"),
        "session_token": keys.get("aws_session_token"),
        "region": os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or more.get("region"),
    }
    return {name: value for name, value in config.items() if value}


def _section(file: str, name: str) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(os.path.expanduser(file), encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise InvalidParameter(f"The AWS settings in '{file}' cannot be read: {error}") from error
    return dict(parser[name]) if parser.has_section(name) else {}
