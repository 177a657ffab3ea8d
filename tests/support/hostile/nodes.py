"""Nodes of a pull request that attack when they are built: SQL, Jinja and Python models."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Node:
    """One hostile node; `name` is also the name of its model."""

    name: str
    text: str
    is_python: bool = False
    reads: bool = False
    """Whether what it builds has the mark of the victim when it succeeds."""
    works: bool = True
    """Whether it succeeds without a sandbox: else something beside the sandbox holds it, too."""

    @property
    def file(self) -> str:
        return f"models/{self.name}.{'py' if self.is_python else 'sql'}"


_READING = {
    "read_text": "select content from read_text('VICTIM/secret.csv')",
    "read_blob": "select content::text as c from read_blob('VICTIM/secret.csv')",
    "read_csv": "select * from read_csv('VICTIM/secret.csv')",
    "read_csv_auto": "select * from read_csv_auto('VICTIM/secret.csv')",
    "read_json": "select * from read_json('VICTIM/secret.json')",
    "read_json_auto": "select * from 'VICTIM/secret.json'",
    "read_parquet": "select * from read_parquet('VICTIM/secret.parquet')",
    "replacement_scan": "select * from 'VICTIM/secret.csv'",
    "by_a_pattern": "select * from read_csv('VICTIM/*.csv')",
    "by_a_deep_pattern": "select * from read_csv('VICTIM/**/secret.csv')",
    "by_dots": "select content from read_text('VICTIM/made/../secret.csv')",
    "by_slashes": "select content from read_text('/VICTIM//.//secret.csv')",
    "by_a_url": "select content from read_text('file://VICTIM/secret.csv')",
    "by_a_variable": (
        "{{ config(pre_hook=\"set variable f = 'VICTIM/secret.csv'\") }} "
        "select content from read_text(getvariable('f'))"
    ),
    "environment_of_the_parent": (
        "select content::text || 'precious' || '-of-the-victim' as c from read_blob('/proc/PARENT/environ')"
    ),
    "attached": (
        "{{ config(pre_hook=\"attach if not exists 'VICTIM/secret.duckdb' as a1 (read_only)\") }} "
        "select * from a1.secret"
    ),
    "attached_by_kind": (
        "{{ config(pre_hook=\"attach if not exists 'duckdb:VICTIM/second.duckdb' as a2\") }} "
        "select * from a2.secret"
    ),
    "attached_by_dots": (
        "{{ config(pre_hook=\"attach if not exists 'VICTIM/made/../third.duckdb' as a3\") }} "
        "select * from a3.secret"
    ),
    "asked_by_jinja": (
        "{% set found = run_query(\"select content from read_text('VICTIM/secret.csv')\") if execute %}"
        "select '{{ found.columns[0].values()[0] | trim if execute }}' as word"
    ),
}
_WRITING = {
    "copy_to_csv": "copy (select 1 as x) to 'VICTIM/new.csv'",
    "copy_over_csv": "copy (select 1 as x) to 'VICTIM/over.csv'",
    "copy_to_json": "copy (select 1 as x) to 'VICTIM/new.json'",
    "copy_to_parquet": "copy (select 1 as x) to 'VICTIM/new.parquet'",
    "copy_to_a_directory": "copy (select 1 as x, 2 as y) to 'VICTIM/parts' (partition_by x)",
    "copy_over_production": "copy (select 1 as x) to 'PRODUCTION'",
    "copy_to_the_checkout": "copy (select 1 as x) to 'CHECKOUT/new.csv'",
    "copy_to_a_hook_of_git": "copy (select 'id') to 'REMOTE_GIT/hooks/post-update' (header false)",
    "export_database": "export database 'VICTIM/exported'",
    "attach_new": "attach 'VICTIM/new.duckdb' as w1",
    "attach_production": "attach 'PRODUCTION' as w2",
    "attach_production_to_read": "attach 'PRODUCTION' as w3 (read_only)",
    "attach_production_by_kind": "attach 'duckdb:PRODUCTION' as w4",
    "attach_production_by_dots": "attach 'STATE/../.deploy/warehouse.duckdb' as w5",
    "attach_production_by_slashes": "attach '/PRODUCTION' as w6",
    "attach_the_history_of_dagster": "attach 'STATE/dagster/history/runs.db' as w7",
    "log_queries": "set log_query_path = 'VICTIM/queries.log'",
    "profile_to_a_file": "pragma profiling_output = 'VICTIM/profile.json'",
    "temporary_directory": "set temp_directory = 'VICTIM/spilled'",
    "home_directory": "set home_directory = 'VICTIM'",
    "secret_directory": "set secret_directory = 'VICTIM/secrets'",
    "persistent_secret": "create persistent secret s1 (type http, bearer_token 'x')",
    "extension_directory": "set extension_directory = 'VICTIM/extensions'",
    "unsigned_extensions": "set allow_unsigned_extensions = true",
    "load_an_extension": "load 'VICTIM/evil.duckdb_extension'",
    "install_from_a_file": "install 'VICTIM/evil.duckdb_extension'",
    "install_from_loopback": "install httpfs from 'http://127.0.0.1:PORT'",
    "import_database": "import database 'VICTIM/exported'",
}
_HELD_ANYHOW = {
    *("copy_over_production", "attach_production", "attach_production_to_read"),
    *("attach_production_by_kind", "attach_production_by_dots", "attach_production_by_slashes"),
    *("attach_the_history_of_dagster", "log_queries", "profile_to_a_file"),
    *("temporary_directory", "home_directory", "secret_directory", "persistent_secret"),
    *("extension_directory", "unsigned_extensions", "load_an_extension", "install_from_a_file"),
    *("install_from_loopback", "import_database"),
}
"""Refused by DuckDB, or without an effect of their own; what they leave is looked at all the same."""
_TELLING = {
    "told_by_env_var": "select '{{ env_var('DAEMON_SECRET', 'nothing') }}' as word",
    "told_the_login_of_a_cloud": "select '{{ env_var('AWS_SECRET_ACCESS_KEY', 'nothing') }}' as word",
    "told_the_login_of_a_warehouse": "select '{{ env_var('PGPASSWORD', 'nothing') }}' as word",
    "told_of_another": "select '{{ env_var('DBT_OTHER', 'nothing') }}' as word",
    "told_by_duckdb": "select * from duckdb_secrets()",
    "told_by_settings": "select * from duckdb_settings()",
    "told_by_names": "select * from glob('VICTIM/*')",
    "external": "{{ config(materialized='external', location='VICTIM/external.parquet') }} select 1 as x",
    "by_post_hook": "{{ config(post_hook=\"copy (select 1) to 'VICTIM/post.csv'\") }} select 1 as x",
    "written_by_jinja": (
        "{% if execute %}{% do run_query(\"copy (select 1) to 'VICTIM/jinja.csv'\") %}{% endif %}"
        "select 1 as x"
    ),
}
_PYTHON = {
    "py_read": "raise_unless('precious' in open('VICTIM/secret.csv').read())",
    "py_write": "open('VICTIM/py_new', 'w').write('x')",
    "py_append": "open('VICTIM/append.csv', 'a').write('x')",
    "py_truncate": "os.truncate('VICTIM/truncate.csv', 0)",
    "py_unlink": "os.unlink('VICTIM/unlink.csv')",
    "py_rename": "os.rename('VICTIM/rename.csv', 'VICTIM/renamed')",
    "py_mkdir": "os.mkdir('VICTIM/new')",
    "py_rmdir": "os.rmdir('VICTIM/empty')",
    "py_list": "os.listdir('VICTIM')",
    "py_hard_link": "os.link('VICTIM/secret.csv', '/tmp/x' if False else 'linked')",
    "py_read_by_a_link": "os.symlink('VICTIM/secret.csv', 'to-it'); open('to-it').read()",
    "py_shell": "run('cat VICTIM/secret.csv')",
    "py_shell_writes": "run('touch VICTIM/by-a-shell')",
    "py_copy_out": "shutil.copytree('VICTIM', 'copied')",
    "py_libc": (
        "raise_unless(ctypes.CDLL(None, use_errno=True).open(b'VICTIM/by-libc', 0o102, 0o600) >= 0)"
    ),
    "py_sqlite": "sqlite3.connect('VICTIM/by-sqlite').execute('create table t (a)')",
    "py_duckdb": "duckdb.connect('VICTIM/fourth.duckdb', read_only=True)",
    "py_production": "open('PRODUCTION', 'rb').read()",
    "py_over_production": "open('PRODUCTION', 'r+b').read(1)",
    "py_history": "os.listdir('STATE/dagster')",
    "py_artifacts": "open('STATE/artifacts/evil', 'w')",
    "py_checkout": "open('CHECKOUT/evil', 'w')",
    "py_other_runs": "os.listdir('STATE/work')",
    "py_hook_of_git": "open('REMOTE_GIT/hooks/post-receive', 'w').write('id')",
    "py_environment": "open('/proc/PARENT/environ', 'rb').read()",
    "py_environment_of_its_parent": "open(f'/proc/{os.getppid()}/environ', 'rb').read()",
    "py_memory": "open('/proc/PARENT/mem', 'rb')",
    "py_descriptors": "os.listdir('/proc/PARENT/fd')",
    "py_processes": "os.listdir('/proc')",
    "py_signal": "os.kill(PARENT, 0)",
    "py_signal_to_its_parent": "os.kill(os.getppid(), 0)",
    "py_signal_by_descriptor": "os.close(os.pidfd_open(PARENT)); os.kill(PARENT, 0)",
    "py_limit": "resource.prlimit(PARENT, resource.RLIMIT_NOFILE)",
    "py_priority": "os.setpriority(os.PRIO_PROCESS, PARENT, os.getpriority(os.PRIO_PROCESS, PARENT))",
    "py_port": "socket.create_connection(('127.0.0.1', PORT)).close()",
    "py_port_by_name": "socket.create_connection(('localhost', PORT)).close()",
    "py_server": "socket.create_server(('127.0.0.1', 0)).close()",
    "py_unix_socket": "socket.socket(socket.AF_UNIX).close()",
    "py_shared_memory": "raise_unless(ctypes.CDLL(None).shmget(0, 100, 0o1600) >= 0)",
    "py_into_our_python": "open(duckdb.__file__, 'a').close()",
    "py_into_the_home": "open(pwd.getpwuid(os.getuid()).pw_dir + '/.deploy-test', 'w').close()",
    "py_temporary_files": "os.listdir('/tmp')",
}
_DONE_FOR_NOTHING = {
    "py_mode": "os.chmod('VICTIM/secret.csv', 0o777)",
    "py_owner": "os.chown('VICTIM/secret.csv', os.getuid(), os.getgid())",
    "py_times": "os.utime('VICTIM/secret.csv', (0, 0))",
    "py_extended": "os.setxattr('VICTIM/secret.csv', b'user.evil', b'x')",
    "py_daemon": "subprocess.Popen(['sleep', '9876543'], start_new_session=True)",
    "py_daemon_of_a_shell": "run('setsid sleep 9876543 >/dev/null 2>&1 &')",
    "py_thread": "threading.Thread(target=time.sleep, args=(9876543,), daemon=True).start()",
    "py_forks": "[subprocess.Popen(['sleep', '9876543']) for _ in range(30)]",
    "py_stubborn": (
        "subprocess.Popen([sys.executable, '-c', 'import signal, time; "
        "signal.signal(15, signal.SIG_IGN); signal.signal(2, signal.SIG_IGN); "
        "time.sleep(9876543)', '9876543'])"
    ),
    "py_console": "print('\\x1b[2J\\x1b]0;evil\\x07::error::evil' + 'x' * 100000)",
    "py_wide": "sys.stdout.buffer.write(b'\\xff\\xfe' * 1000)",
}
"""What the sandbox answers as if it were done, or lets be; nothing of it may last."""
_BODY = """
def model(dbt, session):
    dbt.config(materialized="table")
    import ctypes, os, pathlib, pwd, resource, shutil, socket, sqlite3, subprocess, sys, threading
    import time, urllib.request
    import duckdb

    def raise_unless(is_so):
        if not is_so:
            raise PermissionError("it is not so")

    def run(command):
        subprocess.check_output(command, shell=True)

    {body}
    return session.sql("select 1 as id")
"""


def _made_by_a_hook(statement: str) -> str:
    return '{{ config(materialized="table", pre_hook="' + statement + '") }} select 1 as id'


def _table(text: str) -> str:
    if "config(" in text:
        return text.replace("config(", "config(materialized='table', ", 1)
    return "{{ config(materialized='table') }} " + text


NODES = [
    *(Node(name, _table(text), reads=True) for name, text in _READING.items()),
    *(
        Node(name, _made_by_a_hook(text), works=name not in _HELD_ANYHOW)
        for name, text in _WRITING.items()
    ),
    *(
        Node(name, text if "materialized" in text else _table(text), works=False)
        for name, text in _TELLING.items()
    ),
    *(Node(name, _BODY.replace("{body}", text), is_python=True) for name, text in _PYTHON.items()),
    *(
        Node(name, _BODY.replace("{body}", text), is_python=True, works=False)
        for name, text in _DONE_FOR_NOTHING.items()
    ),
]
LEFT_ALONE = frozenset({*_DONE_FOR_NOTHING, *_TELLING, "persistent_secret"})
"""Nodes that may succeed in the sandbox; what they do is without an effect."""
