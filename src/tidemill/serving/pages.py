"""The routes beside predictions: probes, what is served, numbers, the interface's description, feedback, rollback."""

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec

from tidemill import __version__
from tidemill.errors import BadRequest, InvalidParameter, NotFound, TidemillError, Unavailable
from tidemill.http.answers import SECURITY, Header, send_bytes
from tidemill.serving import metrics
from tidemill.serving.asked import Asked, id_header
from tidemill.serving.describe import MOST_FIELDS, body_of_form, document, model_page
from tidemill.serving.tensors import live, ready

if TYPE_CHECKING:
    from tidemill.serving.app import App

API_LEVEL = "3.11.1"
"""What `/version` answers: the MLflow release whose scoring protocol this is."""
_JSON: tuple[Header, ...] = ((b"content-type", b"application/json"), *SECURITY)


async def _json(asked: Asked, value: Any, status: int = 200) -> None:
    await send_bytes(asked.send, status, (*_JSON, id_header(asked)), msgspec.json.encode(value))


async def ping(app: "App", asked: Asked, name: str, rest: str) -> None:
    """`/ping`: 200 when every model, or the named one, answers; SageMaker and Azure ML ask here."""
    endpoints = [app.fleet.find(name)] if name else list(app.fleet.endpoints.values())
    fine = bool(endpoints) and all(one.healthy for one in endpoints) and not app.stopping
    await send_bytes(asked.send, 200 if fine else 503, _JSON, b"\n")


async def health(app: "App", asked: Asked, name: str, rest: str) -> None:
    """`/health`: as `/ping`, with what is served and what is wrong."""
    endpoints = [app.fleet.find(name)] if name else list(app.fleet.endpoints.values())
    fine = bool(endpoints) and all(one.healthy for one in endpoints) and not app.stopping
    detail = {"status": "ok" if fine else "unavailable", "models": {one.name: one.describe() for one in endpoints}}
    await _json(asked, detail, 200 if fine else 503)


async def version(app: "App", asked: Asked, name: str, rest: str) -> None:
    """`/version`: the MLflow protocol level as bare text, our own version in a header."""
    headers = (*_JSON, (b"x-tidemill-version", __version__.encode()))
    await send_bytes(asked.send, 200, headers, API_LEVEL.encode())


async def models(app: "App", asked: Asked, name: str, rest: str) -> None:
    """`/models`: all of them; `/models/{name}`: one, with its signature."""
    if not name:
        await _json(asked, {"models": {one.name: one.describe() for one in app.fleet.endpoints.values()}})
        return
    endpoint = app.fleet.find(name)
    servable = endpoint.pick().servable
    signature = {part: getattr(servable, part) for part in ("inputs", "outputs", "params")}
    await _json(asked, {"name": name, **endpoint.describe(), "signature": signature, **servable.details})


async def show_metrics(app: "App", asked: Asked, name: str, rest: str) -> None:
    """`/metrics`, for Prometheus."""
    gauges = [("tidemill_serving_requests_in_flight", "Requests under way.", "", float(app.places.taken))]
    for one in app.fleet.endpoints.values():
        labels = f'model="{metrics.escape(one.name)}"'
        gauges.append(("tidemill_serving_healthy", "Whether a model answers.", labels, float(one.healthy)))
        if one.current is not None:
            batcher = one.current.batcher
            gauges.append(("tidemill_serving_waiting", "Requests that wait.", labels, float(len(batcher.waiting))))
            gauges.append(("tidemill_serving_batch_limit", "Most rows of a call.", labels, float(batcher.rows_limit)))
    if app.log is not None:
        gauges.append(("tidemill_serving_log_dropped", "Log records dropped.", "", float(app.log.dropped)))
    text = metrics.render(app.fleet.metrics(), sorted(gauges))
    headers: tuple[Header, ...] = ((b"content-type", b"text/plain; version=0.0.4; charset=utf-8"), *SECURITY)
    await send_bytes(asked.send, 200, headers, text.encode())


async def openapi(app: "App", asked: Asked, name: str, rest: str) -> None:
    """`/openapi.json` and `/models/{name}/openapi.json`: the interface, generated from the signatures."""
    endpoints = [app.fleet.find(name)] if name else list(app.fleet.endpoints.values())
    await _json(asked, document([one for one in endpoints if one.current is not None], app.tokens.needed))


async def docs(app: "App", asked: Asked, name: str, rest: str) -> None:
    """`/docs` and `/models/{name}/docs`: pages for people, where a model can be tried."""
    endpoints = [app.fleet.find(name)] if name else list(app.fleet.endpoints.values())
    html, policy = model_page([one for one in endpoints if one.current is not None], bool(name))
    headers = ((b"content-type", b"text/html; charset=utf-8"), (b"content-security-policy", policy), *SECURITY)
    await send_bytes(asked.send, 200, headers, html)


async def root(app: "App", asked: Asked, name: str, rest: str) -> None:
    """`/`: on to the page for people."""
    await send_bytes(asked.send, 307, ((b"location", b"/docs"), *SECURITY), b"")


class _Feedback(msgspec.Struct):
    request_id: str
    answer: msgspec.Raw = msgspec.Raw(b"")
    comment: str = ""


async def feedback(app: "App", asked: Asked, name: str, rest: str) -> None:
    """`/feedback`: `{"request_id": …, "answer": …, "comment": …}`, kept in the request log."""
    body = await asked.body(min(app.config.body_limit, 1 << 20), app.config.body_seconds)
    if app.log is None:
        raise NotFound("This server keeps no request log; start it with --log FOLDER.")
    try:
        given = msgspec.json.decode(body, type=_Feedback)
    except msgspec.DecodeError as error:
        raise BadRequest(f"Feedback must be an object with 'request_id' and 'answer': {error}.") from None
    answer = bytes(given.answer)
    if not given.request_id or not answer:
        raise InvalidParameter("Feedback needs 'request_id' and 'answer', the right answer to that request.")
    if len(given.request_id) > 128 or len(given.comment) > 10_000:
        raise InvalidParameter("A request id has at most 128 characters, a comment at most 10,000.")
    if not app.log.feedback(given.request_id, answer, given.comment):
        raise Unavailable("The request log cannot keep up. Try again in a moment.")
    await _json(asked, {"request_id": given.request_id}, 202)


async def rollback(app: "App", asked: Asked, name: str, rest: str) -> None:
    """`/models/{name}/rollback`: the previous version answers again, at once. Needs an admin's token."""
    app.tokens.check_admin(asked.authorization)
    await _json(asked, {"name": name, "version": app.fleet.rollback(name)})


async def try_it(app: "App", asked: Asked, name: str, rest: str) -> None:
    """`/models/{name}/try`: what the page's form sends; answers the page with the prediction."""
    endpoint = app.fleet.find(name)
    loaded = endpoint.pick(asked.key)
    raw = await asked.body(min(app.config.body_limit, 1 << 20), app.config.body_seconds)
    try:
        fields = dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=2 * MOST_FIELDS))
    except ValueError:
        raise BadRequest("The form cannot be read.") from None
    body = body_of_form(fields, loaded.reader.schema)
    status = 200
    try:
        with app.places:
            answer = (await app.ask(asked, loaded, loaded.reader.read(body))).json().decode()
    except TidemillError as error:
        status, answer = error.status, error.message
    html, policy = model_page([endpoint], True, (body.decode(), answer))
    headers = ((b"content-type", b"text/html; charset=utf-8"), (b"content-security-policy", policy), *SECURITY)
    await send_bytes(asked.send, status, headers, html)


OPEN = frozenset[Any]((ping, health, version, live, ready))
"""Handlers that ask nobody for a token or a known Host: for probes."""

HANDLERS: dict[str, dict[str, Any]] = {
    "/": {"GET": root},
    "/ping": {"GET": ping},
    "/health": {"GET": health},
    "/version": {"GET": version},
    "/metrics": {"GET": show_metrics},
    "/models": {"GET": models},
    "/models/{name}": {"GET": models},
    "/models/{name}/ping": {"GET": ping},
    "/models/{name}/health": {"GET": health},
    "/models/{name}/openapi.json": {"GET": openapi},
    "/models/{name}/docs": {"GET": docs},
    "/models/{name}/rollback": {"POST": rollback},
    "/models/{name}/try": {"POST": try_it},
    "/v2/health/live": {"GET": live},
    "/v2/health/ready": {"GET": ready},
    "/openapi.json": {"GET": openapi},
    "/docs": {"GET": docs},
    "/feedback": {"POST": feedback},
}
