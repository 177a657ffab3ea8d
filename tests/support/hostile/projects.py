"""Pull requests that attack before anything is built: by profiles, keys, packages, links, names."""

from collections.abc import Mapping
from dataclasses import dataclass, field

_PROJECT = """
name: tiny
version: "1.0"
profile: tiny
model-paths: [models]
flags: {send_anonymous_usage_stats: false}
"""
_CONFIRM = "models/revenue.sql"


@dataclass(frozen=True)
class Project:
    """The files and links of one hostile pull request, and what comes of it."""

    name: str
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    links: Mapping[str, str] = field(default_factory=dict[str, str])
    says: str = ""
    """A part of the error that it must end with; empty where it may also come to nothing."""

    @property
    def needs_a_run(self) -> bool:
        """Whether it attacks only when nodes are built."""
        return self.name in _BUILT


def _profile(output: str, *, name: str = "prod") -> Mapping[str, str]:
    whole = f"tiny:\n  target: {name}\n  outputs:\n    {name}: {output}\n"
    return {"profiles.yml": whole}


def _duckdb(
    more: str, *, path: str = "{{ env_var('DEPLOY_STATE') }}/warehouse.duckdb"
) -> Mapping[str, str]:
    return _profile(f'{{type: duckdb, path: "{path}", schema: main, threads: 1{more}}}')


def _key(line: str) -> Mapping[str, str]:
    key = line.partition(":")[0]
    kept = [each for each in _PROJECT.strip().splitlines() if not each.startswith(f"{key}:")]
    return {"dbt_project.yml": "\n".join([*kept, line, ""])}


_LEADS_OUT = "leads out of the repository"
_BUILD_IN_P = {
    "models/evil.sql": "{{ config(materialized='table', database='p') }} select 'evil' as v"
}
_PLUGIN = (
    "import pathlib; pathlib.Path('VICTIM/by-a-plugin').write_text('x')\n"
    "from dbt.adapters.duckdb.plugins import BasePlugin\n"
    "class Plugin(BasePlugin):\n"
    "    def initialize(self, config):\n        pathlib.Path('VICTIM/plugged').write_text('x')\n"
)
PROFILES = [
    Project("path_of_the_victim", _duckdb("", path="VICTIM/secret.duckdb")),
    Project("path_by_dots", _duckdb("", path="../../../../../victim/secret.duckdb")),
    Project("path_by_jinja", _duckdb("", path="{{ 'VICTIM' ~ '/secret.duckdb' }}")),
    Project(
        "path_of_a_link",
        _duckdb("", path="linked.duckdb"),
        {"linked.duckdb": "VICTIM/secret.duckdb"},
    ),
    Project("path_with_options", _duckdb("", path="VICTIM/secret.duckdb?access_mode=READ_WRITE")),
    Project("path_is_a_directory", _duckdb("", path="VICTIM")),
    Project("path_of_the_home", _duckdb("", path="~/secret.duckdb")),
    Project("path_of_the_cloud", _duckdb("", path="md:secret")),
    Project(
        "attach_production",
        {**_duckdb(', attach: [{path: "PRODUCTION", alias: p}]'), **_BUILD_IN_P},
    ),
    Project(
        "attach_by_a_url",
        {**_duckdb(', attach: [{path: "duckdb:PRODUCTION", alias: p}]'), **_BUILD_IN_P},
    ),
    Project(
        "attach_by_dots",
        {**_duckdb(', attach: [{path: "../../../warehouse.duckdb", alias: p}]'), **_BUILD_IN_P},
    ),
    Project(
        "attach_by_jinja",
        {
            **_duckdb(
                ", attach: [{path: \"{{ env_var('DEPLOY_STATE') }}/./warehouse.duckdb\", alias: p}]"
            ),
            **_BUILD_IN_P,
        },
    ),
    Project("attach_the_victim", _duckdb(', attach: [{path: "VICTIM/secret.duckdb", alias: p}]')),
    Project("attach_that_is_no_list", _duckdb(', attach: "VICTIM/secret.duckdb"')),
    Project("attach_a_number", _duckdb(", attach: [7, {path: 7}, {}]")),
    Project(
        "external_root",
        {
            **_duckdb(', external_root: "VICTIM"'),
            "models/e.sql": "{{ config(materialized='external') }} select 1 as x",
        },
    ),
    Project("secret_directory", _duckdb(', settings: {secret_directory: "VICTIM/secrets"}')),
    Project(
        "extension_directory", _duckdb(', settings: {extension_directory: "VICTIM/extensions"}')
    ),
    Project("unsigned_extensions", _duckdb(", config_options: {allow_unsigned_extensions: true}")),
    Project("an_extension_of_its_own", _duckdb(', extensions: ["VICTIM/evil.duckdb_extension"]')),
    Project("user_agent", _duckdb(", config_options: {custom_user_agent: evil}")),
    Project("temp_directory", _duckdb(', settings: {temp_directory: "VICTIM/spilled"}')),
    Project("log_query_path", _duckdb(', settings: {log_query_path: "VICTIM/queries"}')),
    Project(
        "secrets_persistent",
        _duckdb(", secrets: [{type: http, persistent: true, bearer_token: x}]"),
    ),
    Project(
        "plugin",
        {
            **_duckdb(", plugins: [{module: evil_plugin}], module_paths: ['.']"),
            "evil_plugin.py": _PLUGIN,
        },
    ),
    Project(
        "plugin_of_the_victim", _duckdb(", plugins: [{module: evil}], module_paths: ['VICTIM']")
    ),
    Project(
        "plugin_excel",
        _duckdb(", plugins: [{module: excel, config: {output: {file: 'VICTIM/x.xlsx'}}}]"),
    ),
    Project("filesystems", _duckdb(", filesystems: [{fs: file}]")),
    Project("remote", _duckdb(", remote: {host: 127.0.0.1, port: PORT, user: x}")),
    Project("another_type", _profile("{type: evil, path: x, schema: main}")),
    Project("a_type_that_leads_elsewhere", _profile("{type: '../../../victim', schema: main}")),
    Project(
        "postgres_by_a_socket",
        _profile(
            "{type: postgres, host: /var/run/postgresql, user: x, password: x, dbname: x, schema: main, port: 5432}"
        ),
    ),
    Project(
        "secret_in_profile", _duckdb(", schema_: \"{{ env_var('HUB_TOKEN') }}\""), says="HUB_TOKEN"
    ),
    Project("profile_is_a_list", {"profiles.yml": "[1, 2]"}, says="profiles.yml"),
    Project("profile_is_deep", {"profiles.yml": "tiny: " + "[" * 5000}),
    Project(
        "profile_of_anchors",
        {
            "profiles.yml": "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\ntiny: {target: prod, outputs: {prod: {type: duckdb, path: *c}}}\n"
        },
    ),
    Project(
        "profile_runs_python",
        {"profiles.yml": "tiny: !!python/object/apply:os.system ['touch VICTIM/by-yaml']\n"},
    ),
    Project(
        "jinja_runs_python", _duckdb("", path="{{ ''.__class__.__mro__[1].__subclasses__() }}")
    ),
    Project(
        "jinja_without_end", _duckdb("", path="{% for i in range(10000000000) %}x{% endfor %}")
    ),
    Project("jinja_of_a_giant", _duckdb("", path="{{ 'x' * 10000000000 }}")),
]
KEYS = [
    Project(
        "packages_install_path",
        {
            **_key("packages-install-path: VICTIM"),
            "packages.yml": "packages: [{local: p}]\n",
            "p/dbt_project.yml": "name: p\n",
        },
        says=_LEADS_OUT,
    ),
    Project(
        "packages_install_path_by_dots",
        _key("packages-install-path: ../../../../victim"),
        says=_LEADS_OUT,
    ),
    Project(
        "packages_install_path_by_jinja",
        _key("packages-install-path: \"{{ 'VICTIM' }}\""),
        says=_LEADS_OUT,
    ),
    Project(
        "packages_install_path_of_the_checkout",
        _key("packages-install-path: CHECKOUT"),
        says=_LEADS_OUT,
    ),
    Project(
        "packages_install_path_is_the_project",
        {
            **_key("packages-install-path: ."),
            "packages.yml": "packages: [{local: p}]\n",
            "p/dbt_project.yml": "name: p\n",
        },
    ),
    *(
        Project(key.replace("-", "_"), _key(f"{key}: [VICTIM]"), says=_LEADS_OUT)
        for key in (
            "clean-targets",
            "model-paths",
            "macro-paths",
            "test-paths",
            "docs-paths",
            "asset-paths",
            "analysis-paths",
            "snapshot-paths",
        )
    ),
    Project("seed_paths_by_dots", _key("seed-paths: ['../../../../../victim']"), says=_LEADS_OUT),
    Project("model_paths_of_the_state", _key("model-paths: [STATE]"), says=_LEADS_OUT),
    Project("log_path", _key("log-path: VICTIM/logs")),
    Project("target_path", _key("target-path: VICTIM/target")),
    Project("on_run_start", _key("on-run-start: \"copy (select 1) to 'VICTIM/hook.csv'\"")),
    Project(
        "on_run_end",
        _key("on-run-end: \"attach 'PRODUCTION' as p; create table p.main.evil as select 1 as x\""),
    ),
    Project("vars", _key("vars: {evil: \"{{ env_var('HUB_TOKEN') }}\"}")),
    Project(
        "dispatch",
        {
            **_key("dispatch: [{macro_namespace: dbt, search_order: [tiny, dbt]}]"),
            "macros/x.sql": "{% macro default__create_schema(relation) %}{% do run_query(\"copy (select 1) to 'VICTIM/dispatched.csv'\") %}{% endmacro %}",
        },
    ),
    Project(
        "query_comment", _key("query-comment: \"*/ copy (select 1) to 'VICTIM/comment.csv'; /*\"")
    ),
    Project(
        "name_of_a_path", {"dbt_project.yml": _PROJECT.replace("name: tiny", "name: ../../victim")}
    ),
    Project(
        "profile_of_a_path",
        {"dbt_project.yml": _PROJECT.replace("profile: tiny", "profile: ../../victim")},
        says="profile",
    ),
    Project("project_is_a_number", {"dbt_project.yml": "7"}, says="dbt_project.yml"),
    Project("project_is_no_yaml", {"dbt_project.yml": "{{{{"}, says="dbt_project.yml"),
    Project("project_is_deep", {"dbt_project.yml": _PROJECT + "vars: " + "[" * 3000}),
    Project(
        "schema_of_production",
        {"macros/s.sql": "{% macro generate_schema_name(name, node) %}main{% endmacro %}"},
        says="nothing was built",
    ),
    Project("schema_in_config", {_CONFIRM: "{{ config(schema='../main') }} select 1 as revenue"}),
    Project(
        "a_macro_of_dbt_replaced",
        {
            "macros/r.sql": "{% macro create_schema(relation) %}{% do run_query(\"copy (select 1) to 'VICTIM/replaced.csv'\") %}{% endmacro %}"
        },
    ),
    Project(
        "a_materialization_of_its_own",
        {
            "macros/m.sql": "{% materialization table, default %}{% call statement('main') %}copy (select 1) to 'VICTIM/m.csv'{% endcall %}{{ return({'relations': []}) }}{% endmaterialization %}"
        },
    ),
    Project(
        "jinja_while_parsing",
        {"models/j.sql": "{{ ''.__class__.__mro__[1].__subclasses__() }} select 1 as x"},
    ),
    Project(
        "modules_of_jinja",
        {"models/j.sql": "{{ modules.re.__loader__.get_data('VICTIM/secret.csv') }} select 1 as x"},
    ),
    Project(
        "prints_nodes",
        {
            "macros/p.sql": "{% macro generate_alias_name(custom_alias_name=none, node=none) %}{% do print('{\"unique_id\": 7}') %}{% do print('{garbage') %}{{ return(node.name) }}{% endmacro %}"
        },
    ),
]
PACKAGES = [
    Project(
        "ext",
        {"packages.yml": "packages: [{git: 'ext::sh -c touch% VICTIM/by-ext', revision: main}]\n"},
        says="dbt deps",
    ),
    Project(
        "file_url",
        {"packages.yml": "packages: [{git: 'file://VICTIM', revision: main}]\n"},
        says="dbt deps",
    ),
    Project(
        "file_of_the_mirror",
        {"packages.yml": "packages: [{git: 'file://REMOTE_GIT', revision: main}]\n"},
        says="dbt deps",
    ),
    Project(
        "option_of_git",
        {
            "packages.yml": "packages: [{git: '--upload-pack=touch VICTIM/by-option', revision: main}]\n"
        },
        says="dbt deps",
    ),
    Project(
        "revision_of_an_option",
        {
            "packages.yml": "packages: [{git: 'http://127.0.0.1:9/x', revision: '--output=VICTIM/by-revision'}]\n"
        },
        says="dbt deps",
    ),
    Project(
        "ssh_of_an_option",
        {
            "packages.yml": "packages: [{git: 'ssh://-oProxyCommand=touch%20VICTIM/by-ssh/x', revision: main}]\n"
        },
        says="dbt deps",
    ),
    Project(
        "local_of_the_victim", {"packages.yml": "packages: [{local: VICTIM}]\n"}, says=_LEADS_OUT
    ),
    Project(
        "local_by_dots",
        {"packages.yml": "packages: [{local: ../../../../victim}]\n"},
        says=_LEADS_OUT,
    ),
    Project(
        "local_by_jinja",
        {"packages.yml": "packages: [{local: \"{{ 'VICTIM' }}\"}]\n"},
        says=_LEADS_OUT,
    ),
    Project(
        "local_in_dependencies",
        {"dependencies.yml": "packages: [{local: VICTIM}]\n"},
        says=_LEADS_OUT,
    ),
    Project(
        "local_of_a_local",
        {
            "packages.yml": "packages: [{local: p}]\n",
            "p/dbt_project.yml": "name: p\n",
            "p/packages.yml": "packages: [{local: VICTIM}]\n",
        },
        says=_LEADS_OUT,
    ),
    Project(
        "tarball",
        {"packages.yml": "packages: [{tarball: 'file://VICTIM/x.tar.gz', name: x}]\n"},
        says="dbt deps",
    ),
    Project(
        "tarball_of_loopback",
        {"packages.yml": "packages: [{tarball: 'http://127.0.0.1:PORT/x.tar.gz', name: ../x}]\n"},
        says="dbt deps",
    ),
    Project(
        "token_in_a_url",
        {
            "packages.yml": "packages: [{git: \"https://{{ env_var('HUB_TOKEN') }}@127.0.0.1:9/x\", revision: main}]\n"
        },
    ),
    Project(
        "lock_file",
        {
            "package-lock.yml": "packages: [{local: VICTIM}]\nsha1_hash: x\n",
            "packages.yml": "packages: []\n",
        },
    ),
    Project("packages_of_another_shape", {"packages.yml": "packages: {a: [7]}\n"}),
]
LINKS = [
    *(
        Project(f"link_{name.replace('/', '_').replace('.', '_')}", links={name: target}, says=says)
        for name, target, says in (
            ("models/evil.sql", "VICTIM/secret.csv", _LEADS_OUT),
            ("models/evil.csv", "/etc/passwd", _LEADS_OUT),
            ("models/dir", "VICTIM", _LEADS_OUT),
            ("models/root", "/", _LEADS_OUT),
            ("models/circle", ".", ""),
            ("models/nowhere.sql", "nowhere", ""),
            ("models/device.sql", "/dev/zero", _LEADS_OUT),
            ("models/process.sql", "/proc/self/environ", _LEADS_OUT),
            ("macros", "VICTIM", _LEADS_OUT),
            ("seeds/evil.csv", "VICTIM/secret.csv", _LEADS_OUT),
            ("seeds/zero.csv", "/dev/zero", _LEADS_OUT),
            ("dbt_packages", "VICTIM", _LEADS_OUT),
            ("packages.yml", "VICTIM/secret.csv", _LEADS_OUT),
            ("package-lock.yml", "VICTIM/secret.csv", _LEADS_OUT),
            ("profiles.yml", "VICTIM/secret.json", "profiles.yml"),
            ("dbt_project.yml", "VICTIM/secret.json", "dbt_project.yml"),
            ("selectors.yml", "VICTIM/secret.csv", _LEADS_OUT),
            (".dbtignore", "VICTIM/secret.csv", _LEADS_OUT),
            ("target", "VICTIM", ""),
            ("logs", "VICTIM", ""),
            ("tests", "VICTIM", _LEADS_OUT),
        )
    ),
    Project(
        "link_of_a_link", links={"models/a.sql": "../b", "b": "VICTIM/secret.csv"}, says=_LEADS_OUT
    ),
]
_YAML = "models:\n  - name: orders\n    description: {text}\n"
NAMES = [
    Project(
        "description_of_html",
        {
            "models/s.yml": _YAML.format(
                text="'<script>alert(1)</script><img src=x onerror=alert(1)> [x](javascript:alert(1))'"
            )
        },
    ),
    Project(
        "docs_block_of_html",
        {
            "models/d.md": "{% docs evil %}<script>alert(1)</script>{% enddocs %}",
            "models/s.yml": _YAML.format(text="\"{{ doc('evil') }}\""),
        },
    ),
    Project(
        "exposure_of_javascript",
        {
            "models/e.yml": "exposures:\n  - {name: evil, type: dashboard, url: 'javascript:alert(1)', owner: {name: x, email: x@x}, depends_on: [ref('orders')]}\n  - {name: data, type: dashboard, url: 'data:text/html,<script>alert(1)</script>', owner: {name: x, email: x@x}}\n"
        },
    ),
    Project(
        "alias_of_lines", {_CONFIRM: "{{ config(alias='a\\nb::error::x') }} select 1 as revenue"}
    ),
    Project(
        "alias_of_escapes",
        {_CONFIRM: "{{ config(alias='\\x1b[2Jevil|`<b>`') }} select 1 as revenue"},
    ),
    Project("alias_of_nul", {_CONFIRM: "{{ config(alias='a\\x00b') }} select 1 as revenue"}),
    Project(
        "alias_of_a_path", {_CONFIRM: "{{ config(alias='../../victim') }} select 1 as revenue"}
    ),
    Project(
        "alias_of_quotes", {_CONFIRM: "{{ config(alias='a\"; attach \"x') }} select 1 as revenue"}
    ),
    Project("alias_of_10000", {_CONFIRM: "{{ config(alias='x' * 10000) }} select 1 as revenue"}),
    Project("schema_of_10000", {_CONFIRM: "{{ config(schema='x' * 10000) }} select 1 as revenue"}),
    Project("schema_of_lines", {_CONFIRM: "{{ config(schema='a\\nb\\x1b') }} select 1 as revenue"}),
    Project(
        "test_of_markdown",
        {"tests/t.sql": "select '| a | @everyone <script>' as \"`b`|</details>\", 1 as y"},
    ),
    Project(
        "test_name_of_lines",
        {
            "models/s.yml": 'models:\n  - name: orders\n    columns:\n      - {name: word, data_tests: [{accepted_values: {name: "a\\n\\e[2J|<b>", values: [x]}}]}\n'
        },
    ),
    Project("model_file_of_escapes", {"models/e\x1b[2J|`x.sql": "select 1 as x"}),
    Project("model_file_of_lines", {"models/a\nb.sql": "select 1 as x"}),
    Project("model_file_of_200", {f"models/{'x' * 200}.sql": "select 1 as x"}),
    Project(
        "error_of_markdown",
        {
            _CONFIRM: "{{ exceptions.raise_compiler_error('</details>\\n```\\n@everyone <script>' ~ 'x' * 100000) }}"
        },
    ),
    Project("deep_directories", {f"models/{'d/' * 300}x.sql": "select 1 as x"}),
    Project(
        "tags_and_meta",
        {
            _CONFIRM: "{{ config(tags=['x' * 5000, '../..'], meta={'a': {'b': ['<script>'] * 100}}) }} select 1 as revenue"
        },
    ),
    Project("seed_of_zeros", {"seeds/zeros.csv": "a,b\n" + "0,1\n" * 100_000}),
    Project("seed_of_nothing", {"seeds/nothing.csv": "\x00\x00"}),
]
_BUILT = {
    *("attach_production", "attach_by_dots", "external_root", "on_run_start", "on_run_end"),
    *("dispatch", "schema_of_production", "a_macro_of_dbt_replaced", "plugin"),
    *("a_materialization_of_its_own", "prints_nodes", "alias_of_lines", "alias_of_10000"),
    *("test_of_markdown", "test_name_of_lines", "error_of_markdown", "link_target"),
}
PROJECTS = [*PROFILES, *KEYS, *PACKAGES, *LINKS, *NAMES]
