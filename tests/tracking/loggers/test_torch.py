import pytest

torch = pytest.importorskip("torch")

import tidemill  # noqa: E402
from tidemill.errors import InvalidParameter  # noqa: E402
from tidemill.tracking.loggers.torch import log_summary, summary, watch  # noqa: E402


def model() -> "torch.nn.Module":
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))


def train(net: "torch.nn.Module", steps: int, optimizer: "torch.optim.Optimizer") -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        net(torch.ones(2, 4)).sum().backward()
        optimizer.step()


def test_norms_are_sampled_by_optimizer_steps(store: str) -> None:
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    with tidemill.start_run() as run:
        expected = torch.cat([p.detach().flatten() for p in net.parameters()]).norm().item()
        with watch(net, every=10):
            train(net, 25, optimizer)
        train(net, 25, optimizer)
        gradients = torch.cat([p.grad.flatten() for p in net.parameters()]).norm().item()
    client = tidemill.Client()
    history = client.get_metric_history(run.info.run_id, "parameters/norm")
    assert [point.step for point in history] == [0, 10, 20]
    assert history[0].value == pytest.approx(expected, rel=1e-5)
    found = tidemill.get_run(run.info.run_id).data.metrics
    assert found["learning_rate"] == 0.5
    assert found["gradients/norm"] > 0
    assert gradients > 0


def test_layers_groups_and_other_models() -> None:
    net, other = model(), model()
    groups = [{"params": net[0].parameters(), "lr": 0.1}, {"params": net[2].parameters(), "lr": 0.2}]
    with tidemill.start_run() as run, watch(net, every=1, layers=True):
        train(other, 3, torch.optim.SGD(other.parameters(), lr=0.1))
        train(net, 1, torch.optim.AdamW(groups))
    found = tidemill.get_run(run.info.run_id).data.metrics
    assert {"gradients/0.weight/norm", "parameters/2.bias/norm", "learning_rate/0", "learning_rate/1"} <= set(found)
    assert found["learning_rate/1"] == 0.2
    assert len(tidemill.Client().get_metric_history(run.info.run_id, "gradients/norm")) == 1


def test_a_failure_is_said_once_and_the_training_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    net = model()

    class Broken:
        def metrics(self, *_: object) -> None:
            raise RuntimeError("no room")

    with watch(net, every=1, writer=Broken()):  # type: ignore[arg-type]
        train(net, 3, torch.optim.SGD(net.parameters(), lr=0.1))
    assert capsys.readouterr().err.count("no room") == 1


def test_every_must_be_positive() -> None:
    with pytest.raises(InvalidParameter, match="'every' must be 1 or more"):
        watch(model(), every=0)


def test_a_summary_counts_and_shows_shapes() -> None:
    net = model()
    net[0].requires_grad_(False)
    text = summary(net)
    assert "49 parameters (0.0 MB), 9 of them trained" in text
    assert "Linear" in text
    assert "8x4, 8" in text
    with tidemill.start_run() as run:
        log_summary(net)
    found = tidemill.get_run(run.info.run_id)
    assert found.data.params == {"model_parameters": "49", "model_trained_parameters": "9"}
    assert tidemill.artifacts.load_text(f"runs:/{run.info.run_id}/model_summary.txt") == text
    assert "not known yet" in summary(torch.nn.LazyLinear(3))
