"""The variables of Dagster's processes that reach dbt, and those that reach uv: allow-lists."""

import re
from collections.abc import Collection, Iterable, Mapping

OURS = re.compile(r"DBT_|DEPLOY_|DAGSTER_")
"""The prefixes of variables that come from deploy.yaml and the jobs files alone (VAR-2)."""

_SYSTEM = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "HOSTNAME", "LANG", "LANGUAGE", "LC_*", "TZ"),
    *("TZDIR", "TMPDIR", "TEMP", "TMP", "XDG_*", "LD_LIBRARY_PATH", "LD_PRELOAD"),
    *("DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "PYTHON*", "VIRTUAL_ENV", "CONDA_PREFIX"),
    *("MALLOC_*", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
)
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "NO_PROXY")
_NETWORK = (
    *_PROXIES,
    *(name.lower() for name in _PROXIES),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPLIB2_CA_CERTS"),
    *("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "OPENSSL_CONF", "OPENSSL_MODULES", "NETRC"),
)
_GIT = (
    *("SSH_AUTH_SOCK", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "GIT_ASKPASS", "GIT_SSH"),
    *("GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_SSL_*", "GIT_CONFIG_*", "GIT_ALLOW_PROTOCOL"),
    *("GIT_TERMINAL_PROMPT", "GIT_EXEC_PATH", "GIT_HTTP_USER_AGENT", "GIT_HTTP_PROXY_AUTHMETHOD"),
    *("GIT_HTTP_LOW_SPEED_LIMIT", "GIT_HTTP_LOW_SPEED_TIME"),
)
_CLOUDS = (
    *("AWS_*", "BOTO_CONFIG", "AZURE_*", "ARM_*", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"),
    *("IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET", "GOOGLE_APPLICATION_CREDENTIALS"),
    *("GOOGLE_CLOUD_*", "GOOGLE_API_USE_*", "GOOGLE_EXTERNAL_ACCOUNT_*", "GCLOUD_*", "CLOUDSDK_*"),
    *("GCE_METADATA_*", "NO_GCE_CHECK", "KUBERNETES_SERVICE_*"),
)
_WAREHOUSES = (
    *("PG*", "SNOWFLAKE_*", "SF_*", "DATABRICKS_*", "MOTHERDUCK_TOKEN", "motherduck_token"),
    *("DUCKDB_*", "BIGQUERY_EMULATOR_HOST", "ODBC*", "KRB5*", "ORACLE_*", "ORA_*", "TNS_ADMIN"),
    *("NLS_*", "DB2*", "IBM_DB_HOME", "SQLITE_TMPDIR", "JAVA_HOME", "JAVA_TOOL_OPTIONS"),
    *("JDK_JAVA_OPTIONS", "SPARK_*", "PYSPARK_*", "HADOOP_*", "HIVE_CONF_DIR", "YARN_CONF_DIR"),
)

DBT: Mapping[str, Collection[str]] = {
    "the system": _SYSTEM,
    "the network": _NETWORK,
    "git of `dbt deps`": _GIT,
    "clouds": _CLOUDS,
    "warehouses": _WAREHOUSES,
}
"""Variables that pass to dbt unless deploy.yaml names them for another purpose; `*` is any end."""

# The logins of uv's keyring helpers are named one by one: a prefix might be a git token's.
UV: Collection[str] = (
    *(*_SYSTEM, *_NETWORK, "UV_*", "PIP_*", "GOOGLE_APPLICATION_CREDENTIALS"),
    *("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_REGION"),
    *("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
    *("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AZURE_CLIENT_ID", "AZURE_TENANT_ID"),
    *("AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE", "VSS_NUGET_EXTERNAL_FEED_ENDPOINTS"),
)

# Values that programs make: a password may be an ordinary word, which would be scrubbed everywhere.
_SECRET = re.compile(
    r"(TOKEN|SECRET|SECRET_ACCESS_KEY|ACCOUNT_KEY|API_KEY|PRIVATE_KEY|PRIVATE_KEY_RAW"
    r"|CONNECTION_STRING|IDENTITY_HEADER)$",
    re.IGNORECASE,
)
_SHORTEST = 8


def is_in(name: str, patterns: Iterable[str]) -> bool:
    """Return whether one of `patterns` is `name`, or has a `*` at its end and begins it."""
    return any(
        name.startswith(each[:-1]) if each.endswith("*") else name == each for each in patterns
    )


def by_default(name: str) -> bool:
    """Return whether dbt gets the variable `name` without a word about it in deploy.yaml."""
    return not OURS.match(name) and any(is_in(name, each) for each in DBT.values())


def names_a_file_for_dbt(name: str) -> bool:
    """Return whether the value of a variable that passes by default may be a file of dbt's.

    Those of git are not, nor is one with logins for any host.
    """
    groups = ("the network", "clouds", "warehouses")
    known = any(is_in(name, DBT[each]) for each in groups) or name.startswith("GIT_SSL_CA")
    return known and name != "NETRC"


def for_strangers(variables: Mapping[str, str], named: Collection[str] = ()) -> dict[str, str]:
    """Return the variables for a stranger's dbt: without logins and the user's directories.

    Those of clouds and warehouses, which may be production's, are left out unless they are `named`
    by trusted code. Git reads no configuration but what it is given.
    """
    left_out = ("SSH_*", "GIT_ASKPASS", "GIT_SSH*", "GIT_CONFIG_*", "NETRC", "XDG_*")
    kept = {
        name: value
        for name, value in variables.items()
        if not is_in(name, left_out) and (name in named or not may_be_productions(name))
    }
    return {**kept, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}


def may_be_productions(name: str) -> bool:
    """Return whether a variable that passes by default may log in to a cloud or a warehouse."""
    return is_in(name, DBT["clouds"]) or is_in(name, DBT["warehouses"])


def credentials(variables: Mapping[str, str]) -> list[str]:
    """Return the values of all `variables` that are named like a token, secret or key.

    Values of less than eight characters are left out: one may be a word, and no service issues it.
    """
    return [
        value
        for name, value in variables.items()
        if _SECRET.search(name) and len(value) >= _SHORTEST
    ]
