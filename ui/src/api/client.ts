import { ROUTES, type Operations } from "./schema";

export type OperationName = keyof Operations;
export type Input<N extends OperationName> = Operations[N][0];
export type Output<N extends OperationName> = Operations[N][1];

/** The address under which the server serves everything; ends with a slash. */
export const BASE = new URL(document.baseURI).pathname;

/** What the server refused, or that it could not be reached (`status` 0). */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
    /** For a search text: the 0-based place of the mistake in it. */
    readonly position?: number,
  ) {
    super(message);
  }

  /** Whether this server has no such operation: an older Tidemill, or one without that part. */
  get isMissing(): boolean {
    return this.code === "ENDPOINT_NOT_FOUND";
  }
}

/** Carry out one operation of the table. Throws ApiError. */
export async function call<N extends OperationName>(name: N, arg: Input<N>, signal?: AbortSignal): Promise<Output<N>> {
  const { verb, path } = ROUTES[name];
  return (await request(verb, path, arg as Record<string, unknown>, signal)) as Output<N>;
}

/** Carry out an operation by its verb and path (`/api/…`, with `{name}` filled from `fields`). Throws ApiError. */
export async function request(
  verb: string,
  path: string,
  fields: Record<string, unknown> = {},
  signal?: AbortSignal,
): Promise<unknown> {
  const rest = { ...fields };
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(rest[name] ?? "");
    delete rest[name];
    return encodeURIComponent(value);
  });
  const init: RequestInit = { method: verb, signal };
  let address = BASE + filled.slice(1);
  if (verb === "GET") address += queryOf(rest);
  else {
    init.headers = { "Content-Type": "application/json" };
    init.body = JSON.stringify(rest);
  }
  return readAnswer(await reach(address, init));
}

async function reach(address: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(address, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("The server does not answer. Is it running? The page tries again when you do.", 0, "UNREACHABLE");
  }
}

async function readAnswer(response: Response): Promise<unknown> {
  const text = await response.text();
  if (response.ok) return text ? JSON.parse(text) : {};
  let body: { error_code?: string; message?: string } = {};
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    body = { message: text.slice(0, 300) };
  }
  const message = body.message || `The server answered with status ${response.status}.`;
  throw new ApiError(message, response.status, body.error_code ?? "", positionIn(message));
}

/** The 0-based place that a message about a search text names: `(at character 17: …)`. */
export function positionIn(message: string): number | undefined {
  const found = /\(at character (\d+):/.exec(message);
  if (found) return Number(found[1]) - 1;
  return message.includes("(at the end)") ? Number.MAX_SAFE_INTEGER : undefined;
}

function queryOf(fields: Record<string, unknown>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue;
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one));
  }
  const text = query.toString();
  return text && `?${text}`;
}

/** The address of a run's artifact, for links, images and previews. */
export function artifactUrl(runId: string, path: string): string {
  return `${BASE}get-artifact${queryOf({ run_id: runId, path })}`;
}
