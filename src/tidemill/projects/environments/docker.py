"""Commands in a container: the project's folder is mounted, the network is the machine's own."""

import shutil
import subprocess
from collections.abc import Sequence

from tidemill.errors import InvalidParameter, Unavailable
from tidemill.projects.definition import DockerEnvironment
from tidemill.projects.environments.environment import Environment

WORK = "/mlflow/projects/code"
_PROGRAMS = ("docker", "podman")


def environment(docker: DockerEnvironment) -> Environment:
    """The container of a project. Raises Unavailable where no engine answers."""
    program = _engine()
    options = [program]
    for volume in docker.volumes:
        if volume.startswith("-") or ":" not in volume:
            raise InvalidParameter(f"{volume!r} is not a volume of docker_env; write '/here:/there'.")
        options += ["-v", volume]
    for name, value in docker.environment:
        if not name or "=" in name or name.startswith("-"):
            raise InvalidParameter(f"{name!r} cannot be the name of a variable in docker_env.")
        options += ["-e", name if value is None else f"{name}={value}"]
    if docker.image.startswith("-") or any(char.isspace() for char in docker.image):
        raise InvalidParameter(f"{docker.image!r} cannot be the name of an image.")
    return Environment("docker", digest=_identity(program, docker.image), image=docker.image, options=tuple(options))


def command(
    environment: Environment, argv: Sequence[str], folder: str, names: Sequence[str], mounts: Sequence[str], run_id: str
) -> list[str]:
    """`argv` in the container. The variables `names` are taken over from this process's environment by name."""
    program, *options = environment.options
    words = [program, "run", "--rm", "--init", "--network", "host", "--name", f"tidemill-{run_id}"]
    words += ["-v", f"{folder}:{WORK}", "-w", WORK]
    for mount in mounts:
        words += ["-v", f"{mount}:{mount}"]
    for name in names:
        words += ["-e", name]
    return [*words, *options, environment.image, *argv]


def _engine() -> str:
    said = "no docker or podman is installed"
    for name in _PROGRAMS:
        program = shutil.which(name)
        if program is None:
            continue
        try:
            done = subprocess.run(  # noqa: S603
                [program, "version", "--format", "{{.Server.Version}}"], stdin=subprocess.DEVNULL, capture_output=True,
                timeout=30, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            said = f"{name} does not answer: {error}"
            continue
        if done.returncode == 0:
            return program
        said = " ".join(done.stderr.decode(errors="replace").split())
    raise Unavailable(
        f"This project runs in a container, and there is no container engine: {said}. Start one, or run with --env local."
    )


def _identity(program: str, image: str) -> str:
    """The image's own digest, so that a run says which one it was; its name where the engine does not have it yet."""
    done = subprocess.run(  # noqa: S603
        [program, "image", "inspect", "--format", "{{.Id}}", image], stdin=subprocess.DEVNULL, capture_output=True,
        check=False,
    )  # fmt: skip
    return done.stdout.decode(errors="replace").strip() or image
