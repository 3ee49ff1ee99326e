// A small router on the browser's history: paths below the server's base address, state in the query.
import { useSyncExternalStore, type AnchorHTMLAttributes, type ComponentType, type MouseEvent } from "react";
import { BASE } from "../api/client";

export interface Place {
  /** Below the base address, without a leading slash: `experiments/3`. */
  path: string;
  query: URLSearchParams;
}

let place = readPlace();
const listeners = new Set<() => void>();

function readPlace(): Place {
  const { pathname, search } = window.location;
  const path = pathname.startsWith(BASE) ? pathname.slice(BASE.length) : "";
  return { path: path.replace(/\/+$/, ""), query: new URLSearchParams(search) };
}

function moved(): void {
  place = readPlace();
  for (const tell of listeners) tell();
}

window.addEventListener("popstate", moved);

/** Addresses that MLflow's client prints (`#/experiments/1/runs/<id>`) in the form of ours, or null. */
export function fromHash(hash: string): string | null {
  const run = /^#\/experiments\/[^/]+\/runs\/([^/?]+)/.exec(hash);
  if (run) return `runs/${run[1]}`;
  const experiment = /^#\/experiments\/([^/?]+)/.exec(hash);
  if (experiment) return `experiments/${experiment[1]}`;
  const model = /^#\/models\/([^/?]+)/.exec(hash);
  return model ? `models/${model[1]}` : null;
}

const asked = fromHash(window.location.hash);
if (asked) {
  window.history.replaceState(null, "", BASE + asked);
  place = readPlace();
}

/** Go to `to` (below the base address). `replace`: without a new entry in the history. */
export function navigate(to: string, options: { replace?: boolean } = {}): void {
  const target = BASE + to.replace(/^\//, "");
  if (target === window.location.pathname + window.location.search) return;
  if (options.replace) window.history.replaceState(null, "", target);
  else {
    window.history.pushState(null, "", target);
    window.scrollTo(0, 0);
  }
  moved();
}

/** Change some of the query's fields; null or an empty text removes one. */
export function setQuery(changes: Record<string, string | null>, options: { replace?: boolean } = { replace: true }): void {
  const query = new URLSearchParams(place.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = readable(query);
  navigate(place.path + (text && `?${text}`), options);
}

/** A query string in which the characters that need no escape are readable. */
export function readable(query: URLSearchParams): string {
  return query.toString().replace(/%2C/g, ",").replace(/%3A/g, ":").replace(/%2F/g, "/").replace(/%40/g, "@");
}

/** Where we are; the component is drawn again when that changes. */
export function usePlace(): Place {
  return useSyncExternalStore(
    (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    () => place,
  );
}

type LinkProps = AnchorHTMLAttributes<HTMLAnchorElement> & { to: string };

/** A link to a page of ours: a plain one for the browser's own ways of opening links. */
export function Link({ to, onClick, ...rest }: LinkProps) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    const special = event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0 || rest.target;
    if (event.defaultPrevented || special) return;
    event.preventDefault();
    navigate(to);
  };
  return <a {...rest} href={BASE + to.replace(/^\//, "")} onClick={follow} />;
}

export interface Route {
  /** `experiments/:ids`: a segment that begins with a colon goes to the page as a prop; a last `*` takes the rest. */
  pattern: string;
  page: ComponentType<Record<string, string>>;
}

/** The route for a path and the values of its colon segments. */
export function match(routes: Route[], path: string): { route: Route; params: Record<string, string> } | null {
  const parts = path.split("/").filter(Boolean);
  for (const route of routes) {
    const wanted = route.pattern.split("/").filter(Boolean);
    const open = wanted.at(-1) === "*";
    if (open ? parts.length < wanted.length - 1 : parts.length !== wanted.length) continue;
    const params: Record<string, string> = {};
    const fits = wanted.every((one, index) => {
      if (one === "*") {
        params.rest = parts.slice(index).map(decode).join("/");
        return true;
      }
      const part = parts[index] ?? "";
      if (!one.startsWith(":")) return one === part;
      params[one.slice(1)] = decode(part);
      return true;
    });
    if (fits) return { route, params };
  }
  return null;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
