"""`tidemill completion`: the script for the shell."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands in your shell.

    It completes commands, options and, where the store is on this machine, runs and experiments. To turn it on:

    \b
    bash  echo 'eval "$(tidemill completion bash)"' >> ~/.bashrc
    zsh   echo 'eval "$(tidemill completion zsh)"' >> ~/.zshrc
    fish  tidemill completion fish > ~/.config/fish/completions/tidemill.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "tidemill", "_TIDEMILL_COMPLETE").source())
