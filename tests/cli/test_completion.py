import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(("shell", "check"), [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")])
def test_the_script_is_one_of_that_shell(cli: Any, tmp_path: Path, shell: str, check: str) -> None:
    script = cli("completion", shell).works().out
    assert "_TIDEMILL_COMPLETE" in script
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_text(script)
    subprocess.run([shell, check, str(tmp_path / "script")], check=True)


def offered(cli: Any, words: str) -> list[str]:
    """What bash would offer for the last of these words."""
    place = str(len(words.split(" ")) - 1)
    result = cli(_TIDEMILL_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=place).works()
    return [line.partition(",")[2] for line in result.lines if line]


def test_commands_and_options(cli: Any) -> None:
    assert offered(cli, "tidemill exp") == ["experiments"]
    assert offered(cli, "tidemill runs sh") == ["show"]
    assert offered(cli, "tidemill runs export --form") == ["--format"]


def test_experiments_and_runs(cli: Any, filled: Path) -> None:
    assert offered(cli, "tidemill experiments show f") == ["fruit"]
    assert offered(cli, "tidemill runs show ban") == ["banana"]
    run_id = cli("runs", "show", "banana", "--json").works().json["run_id"]
    assert offered(cli, f"tidemill runs show {run_id[:6]}") == [run_id]
    assert offered(cli, "tidemill runs list -e veg") == ["vegetables"]


def test_names_that_need_quotes_are_not_offered(cli: Any, filled: Path) -> None:
    cli("experiments", "create", "fruit salad; rm -rf $HOME").works()
    assert offered(cli, "tidemill experiments show f") == ["fruit"]
    assert offered(cli, "tidemill runs show é") == []


def test_where_nothing_can_be_read_nothing_is_offered(cli: Any, tmp_path: Path) -> None:
    assert offered(cli, "tidemill runs show a") == []
    assert offered(cli, "tidemill --uri mysql://x runs show a") == []
    assert list(tmp_path.iterdir()) == []


def test_a_key_press_never_waits_for_a_server(cli: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert offered(cli, f"tidemill --uri {address} runs show a") == []
        assert offered(cli, f"tidemill experiments show --uri {address} a") == []
        server.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody called
            server.accept()
