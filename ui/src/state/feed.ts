// The server's event feed: one connection for the whole page, opened while somebody listens.
import { useEffect, useRef } from "react";
import { BASE } from "../api/client";

export interface FeedEvent {
  /** `run.changed`, `model_version.created`, … */
  kind: string;
  subject?: string;
  data: Record<string, unknown>;
}

type Listener = (event: FeedEvent) => void;

/** Kinds that the feed sends as named events; others arrive under the name `message`. */
const KINDS = [
  "run.changed",
  "run.created",
  "run.finished",
  "run.failed",
  "run.killed",
  "registered_model.created",
  "model_version.created",
  "model_version.deleted",
  "model_version.stage_changed",
  "model_version_alias.created",
  "model_version_alias.deleted",
  "model_version_alias.moved",
  "approval.asked",
  "approval.granted",
  "approval.refused",
  "approval.withdrawn",
  "deployment.changed",
];
const AGAIN_MS = 60_000;

const listeners = new Set<Listener>();
let source: EventSource | null = null;
let retry = 0;
let state: "closed" | "open" | "missing" = "closed";

/** Whether changes arrive by themselves. Where not, pages ask again every now and then. */
export function feedIsOpen(): boolean {
  return state === "open";
}

function open(): void {
  if (source || typeof EventSource === "undefined") return;
  const made = new EventSource(`${BASE}api/tidemill/1/events/feed`);
  source = made;
  made.onopen = () => {
    state = "open";
  };
  made.onmessage = receive;
  for (const kind of KINDS) made.addEventListener(kind, receive as (event: Event) => void);
  made.onerror = () => {
    // The browser reconnects by itself unless the server has no feed at all.
    state = "closed";
    if (made.readyState !== EventSource.CLOSED) return;
    state = "missing";
    source = null;
    window.clearTimeout(retry);
    if (listeners.size) retry = window.setTimeout(open, AGAIN_MS);
  };
}

function receive(message: MessageEvent<string>): void {
  let body: Record<string, unknown>;
  try {
    body = JSON.parse(message.data) as Record<string, unknown>;
  } catch {
    return;
  }
  const kind = message.type === "message" ? String(body.kind ?? "") : message.type;
  const data = (body.data ?? body) as Record<string, unknown>;
  const event: FeedEvent = { kind, data };
  if (typeof body.subject === "string") event.subject = body.subject;
  for (const tell of listeners) tell(event);
}

function close(): void {
  window.clearTimeout(retry);
  source?.close();
  source = null;
  state = "closed";
}

export function listen(tell: Listener): () => void {
  listeners.add(tell);
  open();
  return () => {
    listeners.delete(tell);
    // A page that follows at once takes the connection over.
    window.setTimeout(() => listeners.size === 0 && close(), 1000);
  };
}

/** Call `tell` for each event while the component is there. */
export function useFeed(tell: Listener): void {
  const latest = useRef(tell);
  latest.current = tell;
  useEffect(() => listen((event) => latest.current(event)), []);
}
