"""mlflow's webhook functions against a real receiver: made, listed, told of changes in the registry, tested, deleted."""

import base64
import hashlib
import hmac
import json
import queue
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import mlflow

if tuple(map(int, mlflow.__version__.split(".")[:2])) < (3, 3):
    print("no webhooks in this mlflow: all good")
    sys.exit()

from mlflow.entities.webhook import WebhookAction, WebhookEntity, WebhookEvent, WebhookStatus
from mlflow.exceptions import MlflowException

SECRET = "a secret of the receiver's"
calls: "queue.Queue[tuple[dict[str, str], bytes]]" = queue.Queue()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        calls.put((dict(self.headers.items()), body))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_address[1]}/hook"


def received():
    """The next call, its signature checked."""
    headers, body = calls.get(timeout=30)
    text = f"{headers['X-MLflow-Delivery-Id']}.{headers['X-MLflow-Timestamp']}.{body.decode()}"
    wanted = base64.b64encode(hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest()).decode()
    assert headers["X-MLflow-Signature"] == f"v1,{wanted}"
    assert abs(time.time() - int(headers["X-MLflow-Timestamp"])) < 60
    return json.loads(body)


client = mlflow.MlflowClient()
E, A = WebhookEntity, WebhookAction
pairs = [
    (E.REGISTERED_MODEL, A.CREATED), (E.MODEL_VERSION, A.CREATED), (E.MODEL_VERSION_TAG, A.SET),
    (E.MODEL_VERSION_TAG, A.DELETED), (E.MODEL_VERSION_ALIAS, A.CREATED), (E.MODEL_VERSION_ALIAS, A.DELETED),
    (E.PROMPT, A.CREATED), (E.PROMPT_VERSION, A.CREATED),
]  # fmt: skip
events = [WebhookEvent(entity, action) for entity, action in pairs]
name = f"hook-{time.time_ns()}"
made = client.create_webhook(name=name, url=url, events=events, description="for tests", secret=SECRET)
assert (made.name, made.url, made.description, made.status) == (name, url, "for tests", WebhookStatus.ACTIVE)
assert [(one.entity, one.action) for one in made.events] == pairs
assert client.get_webhook(made.webhook_id).webhook_id == made.webhook_id
assert made.webhook_id in [one.webhook_id for one in client.list_webhooks(max_results=10)]

model = f"model-{time.time_ns()}"
client.create_registered_model(model, tags={"team": "x"}, description="about it")
said = received()
assert (said["entity"], said["action"]) == ("registered_model", "created"), said
assert said["data"] == {"name": model, "tags": {"team": "x"}, "description": "about it"}, said
assert said["timestamp"].endswith("+00:00")

with mlflow.start_run() as run:
    mlflow.log_text("x", "model/file.txt")
version = client.create_model_version(model, f"{run.info.artifact_uri}/model", run.info.run_id, tags={"k": "v"}).version
said = received()
assert (said["entity"], said["action"]) == ("model_version", "created"), said
assert said["data"]["name"] == model
assert said["data"]["version"] == str(version)
assert said["data"]["run_id"] == run.info.run_id
assert said["data"]["tags"] == {"k": "v"}
assert set(said["data"]) == {"name", "version", "source", "run_id", "tags", "description"}

client.set_model_version_tag(model, version, "key", "value")
assert received()["data"] == {"name": model, "version": str(version), "key": "key", "value": "value"}
client.delete_model_version_tag(model, version, "key")
assert received()["data"] == {"name": model, "version": str(version), "key": "key"}
client.set_registered_model_alias(model, "champion", version)
assert received()["data"] == {"name": model, "alias": "champion", "version": str(version)}
client.delete_registered_model_alias(model, "champion")
assert received()["data"] == {"name": model, "alias": "champion"}

mlflow.genai.register_prompt(name=f"prompt-{time.time_ns()}", template="Hello {{name}}!")
assert received()["entity"] == "prompt"
said = received()
assert said["entity"] == "prompt_version"
assert said["data"]["template"] == "Hello {{name}}!"

result = client.test_webhook(made.webhook_id)
assert (result.success, result.response_status, result.response_body) == (True, 200, "ok"), result
assert received()["data"]["name"] == "example_model"
result = client.test_webhook(made.webhook_id, WebhookEvent(E.MODEL_VERSION_ALIAS, A.DELETED))
assert result.success
assert received()["data"] == {"name": "example_model", "alias": "example_alias"}

changed = client.update_webhook(made.webhook_id, status=WebhookStatus.DISABLED, description="quiet")
assert (changed.status, changed.description, changed.url) == (WebhookStatus.DISABLED, "quiet", url)
client.create_registered_model(f"{model}-unheard")
time.sleep(1)
assert calls.empty()


def refusal(call, **arguments):
    try:
        call(**arguments)
    except MlflowException as error:
        return error
    raise AssertionError(arguments)


for wrong in ({"name": "-wrong", "url": url}, {"name": "right", "url": "ftp://a.org/"}, {"name": "right", "url": " "}):
    assert refusal(client.create_webhook, events=events, **wrong).error_code == "INVALID_PARAMETER_VALUE"
client.delete_webhook(made.webhook_id)
gone = refusal(client.get_webhook, webhook_id=made.webhook_id)
assert gone.error_code == "RESOURCE_DOES_NOT_EXIST"
assert f"Webhook with ID {made.webhook_id} not found." in str(gone)
server.shutdown()

print("webhooks: all good")
